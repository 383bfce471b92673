import type { Accept, Connection, Descriptor, Frame, FrameSink } from '@vfio-user/core';
import t from 'tap';
import {
  type RelayedSession,
  type RelaySessionOptions,
  type RelaySide,
  relaySession,
} from '../../src/index.js';

/** One end of a connection, driven by the test. */
class FakeConnection implements Connection {
  readonly peer = 'fake';
  readonly capabilities = {
    fdPassing: true,
    sharedMemory: true,
    oneSidedMemory: false,
    orderedNotifications: false,
    maxFrameBytes: 4096,
    maxDescriptors: 4,
  };
  readonly resources = undefined;
  readonly sent: { readonly text: string; readonly descriptors: readonly Descriptor[] }[] = [];
  hasRoom = true;
  paused = false;
  end: 'open' | 'closed' | Error = 'open';

  send(head: Uint8Array, _data?: Uint8Array, descriptors: readonly Descriptor[] = []): boolean {
    this.sent.push({ text: Buffer.from(head).toString(), descriptors });
    return this.hasRoom;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  async close(): Promise<void> {
    this.end = 'closed';
  }

  abort(reason: Error): void {
    this.end = reason;
  }
}

/** A message in the middle of a buffer, as transports deliver them. */
function frame(text: string, descriptors: readonly Descriptor[] = []): Frame {
  const bytes = new Uint8Array(Buffer.from(`..${text}..`));
  const view = new DataView(bytes.buffer);
  return { bytes, view, start: 2, length: text.length, descriptors };
}

/** A relay between two fakes, and what its observer sees. */
class RelayFixture {
  readonly client = new FakeConnection();
  readonly server = new FakeConnection();
  readonly seen: [RelaySide, string][] = [];
  readonly ends: (Error | undefined)[] = [];
  readonly fromClient: RelayedSession;
  #fromServer: FrameSink | undefined;
  #accept: Accept | undefined;
  #settle: ((outcome: Connection | Promise<never>) => void) | undefined;

  constructor(options?: RelaySessionOptions) {
    this.fromClient = relaySession(
      this.client,
      (accept) => {
        this.#accept = accept;
        return new Promise((resolve) => {
          this.#settle = resolve;
        });
      },
      {
        onFrame: (sender, { bytes, start, length }) =>
          this.seen.push([sender, Buffer.from(bytes.subarray(start, start + length)).toString()]),
        onEnd: (error) => this.ends.push(error),
      },
      options,
    );
  }

  get fromServer(): FrameSink {
    if (this.#fromServer === undefined) throw new Error('the relay has not connected');
    return this.#fromServer;
  }

  /** The server is there, or cannot be reached. */
  async connect(error?: Error): Promise<void> {
    if (error === undefined) this.#fromServer = this.#accept?.(this.server);
    this.#settle?.(error === undefined ? this.server : Promise.reject(error));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

t.test('messages pass in both directions, with their descriptors, and are seen', async (t) => {
  const relay = new RelayFixture();
  await relay.connect();
  const descriptor = { close: () => t.fail('it belongs to the connection it is sent on') };

  relay.fromClient.onFrame(frame('request', [descriptor]));
  relay.fromServer.onFrame(frame('reply'));

  t.strictSame(relay.server.sent, [{ text: 'request', descriptors: [descriptor] }]);
  t.equal(relay.server.sent[0]?.descriptors[0], descriptor);
  t.strictSame(relay.client.sent, [{ text: 'reply', descriptors: [] }]);
  t.strictSame(relay.seen, [
    ['client', 'request'],
    ['server', 'reply'],
  ]);
});

t.test('the client is not read before the server is connected', async (t) => {
  const relay = new RelayFixture();
  t.equal(relay.client.paused, true);
  await relay.connect();
  t.equal(relay.client.paused, false);
});

t.test('a side is not read while the other does not take its messages', async (t) => {
  const relay = new RelayFixture();
  await relay.connect();
  for (const [sink, from, to] of [
    [relay.fromClient, relay.client, relay.server],
    [relay.fromServer, relay.server, relay.client],
  ] as const) {
    to.hasRoom = false;
    sink.onFrame(frame('much'));
    t.equal(from.paused, true);
    t.equal(to.paused, false);
    const back = sink === relay.fromClient ? relay.fromServer : relay.fromClient;
    back.onDrain();
    t.equal(from.paused, false);
  }
});

t.test('when one side leaves, the other is closed, and the end is reported once', async (t) => {
  for (const error of [undefined, new Error('reset')]) {
    for (const first of ['client', 'server'] as const) {
      const relay = new RelayFixture();
      await relay.connect();
      const [gone, left, other] =
        first === 'client'
          ? ([relay.fromClient, relay.fromServer, relay.server] as const)
          : ([relay.fromServer, relay.fromClient, relay.client] as const);
      gone.onClose(error);
      t.equal(other.end, 'closed', `what the ${first} sent still arrives`);
      t.strictSame(relay.ends, []);
      left.onClose();
      t.strictSame(relay.ends, [error]);
    }
  }
});

t.test('a client whose server cannot be reached is told so', async (t) => {
  const relay = new RelayFixture();
  const refusal = new Error('nobody listens');
  await relay.connect(refusal);
  t.equal(relay.client.end, refusal);
  relay.fromClient.onClose(refusal);
  t.strictSame(relay.ends, [refusal]);
});

t.test('a client that leaves while the server is connected leaves nothing behind', async (t) => {
  const served = new RelayFixture();
  served.fromClient.onClose();
  await served.connect();
  t.equal(served.server.end, 'closed');
  served.fromServer.onClose();
  t.strictSame(served.ends, [undefined]);

  const refused = new RelayFixture();
  refused.fromClient.onClose();
  t.strictSame(refused.ends, []);
  const refusal = new Error('nobody listens');
  await refused.connect(refusal);
  t.strictSame(refused.ends, [refusal]);
});

t.test('neither side is read while the observer cannot keep up', async (t) => {
  const relay = new RelayFixture();
  relay.fromClient.hold();
  await relay.connect();
  t.strictSame([relay.client.paused, relay.server.paused], [true, true]);
  relay.fromClient.release();
  t.strictSame([relay.client.paused, relay.server.paused], [false, false]);
});

t.test('a side is read again only when nothing speaks against it any more', async (t) => {
  const relay = new RelayFixture();
  await relay.connect();
  relay.server.hasRoom = false;
  relay.fromClient.onFrame(frame('much'));
  relay.fromClient.hold();
  relay.fromServer.onDrain();
  t.equal(relay.client.paused, true, 'the observer has no room');
  relay.fromClient.release();
  t.equal(relay.client.paused, false);
});

t.test(
  'a message whose descriptors cannot pass ends the session, and they are closed',
  async (t) => {
    const relay = new RelayFixture();
    await relay.connect();
    let closed = 0;
    const descriptors = Array.from({ length: 5 }, () => ({ close: () => closed++ }));
    relay.fromClient.onFrame(frame('map', descriptors));
    t.strictSame(relay.server.sent, []);
    t.equal(closed, 5);
    t.match(relay.client.end, {
      code: 'VFU_UNSUPPORTED',
      message: /the client passed 5 descriptor\(s\), the other side takes 4: .* use a bridge/,
    });
  },
);

t.test('descriptors that a message can do without are left out', async (t) => {
  const relay = new RelayFixture({ descriptorsAreOptional: true });
  await relay.connect();
  let closed = 0;
  const descriptors = Array.from({ length: 5 }, () => ({ close: () => closed++ }));
  relay.fromServer.onFrame(frame('region', descriptors));
  t.strictSame(relay.client.sent, [{ text: 'region', descriptors: [] }]);
  t.equal(closed, 5);
});
