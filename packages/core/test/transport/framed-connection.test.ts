import { setImmediate } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { Handshake } from '../../src/transport/handshake.js';
import {
  type ConnectionOptions,
  type FrameAssembler,
  FramedConnection,
  type FrameSink,
  type Framing,
  resolveOptions,
  type StreamEvents,
  type StreamPort,
} from '../../src/transport/index.js';

/** The first byte of a frame is its length. */
const framing: Framing = {
  headerBytes: 1,
  frameLength: (view, offset) => view.getUint8(offset),
  mayCarryDescriptors: () => true,
};

/** A port in the hands of a test. */
class FakePort implements StreamPort {
  readonly events: StreamEvents;
  readonly gathers: boolean;
  readonly calls: string[] = [];
  queuedBytes = 0;
  /** How long it takes to give everything back. */
  destroyed: Promise<void> | undefined;
  #received: number[] = [];

  constructor(events: StreamEvents, gathers: boolean) {
    this.events = events;
    this.gathers = gathers;
  }

  /** Bytes that were received, and not asked for. */
  get unread(): number {
    return this.#received.length;
  }

  /** The peer sent this. */
  receive(...bytes: number[]): void {
    this.#received.push(...bytes);
    this.events.onReceived();
  }

  /** So many queued bytes left. */
  left(bytes: number): void {
    this.queuedBytes -= bytes;
    this.events.onSent(bytes);
  }

  start(): void {
    this.calls.push('start');
  }

  send(head: Uint8Array, data: Uint8Array, _descriptors: unknown, more: boolean): void {
    this.queuedBytes += head.length + data.length;
    this.calls.push(more ? 'send, more follows' : 'send');
  }

  push(): void {
    this.calls.push('push');
  }

  read(assembler: FrameAssembler): boolean {
    if (this.#received.length === 0) return false;
    assembler.reserve();
    const piece = this.#received.splice(0, assembler.space);
    assembler.bytes.set(piece, assembler.end);
    assembler.commit(piece.length);
    return true;
  }

  pause(): void {
    this.calls.push('pause');
  }

  resume(): void {
    this.calls.push('resume');
  }

  end(): void {
    this.calls.push('end');
  }

  destroy(error: Error | undefined): Promise<void> | undefined {
    this.calls.push(`destroy: ${error?.message ?? 'in order'}`);
    return this.destroyed;
  }
}

class Notes implements FrameSink {
  readonly frames: number[] = [];
  readonly closes: (string | undefined)[] = [];
  drains = 0;
  onEach: (frames: number) => void = () => {};

  onFrame({ bytes, start, length }: { bytes: Uint8Array; start: number; length: number }): void {
    this.frames.push(bytes[start + length - 1] as number);
    this.onEach(this.frames.length);
  }

  onDrain(): void {
    this.drains++;
  }

  onClose(error?: Error): void {
    this.closes.push(error?.message);
  }
}

type OpenOptions = ConnectionOptions & { readonly gathers?: boolean };

function unopened({ gathers = false, ...options }: OpenOptions = {}) {
  let port: FakePort | undefined;
  const connection = new FramedConnection({
    peer: 'somebody',
    framing,
    capabilities: {
      fdPassing: true,
      sharedMemory: false,
      oneSidedMemory: false,
      orderedNotifications: true,
      maxFrameBytes: 100,
      maxDescriptors: 1,
    },
    limits: resolveOptions(options, {}),
    port(events) {
      port = new FakePort(events, gathers);
      return port;
    },
  });
  return { connection, port: port as FakePort, sink: new Notes() };
}

function open(options?: OpenOptions) {
  const opened = unopened(options);
  opened.connection.open({ handshakeTimeoutMs: 1000, ready: () => opened.sink, failed() {} });
  return opened;
}

/** Both sides begin with two bytes. */
function greeting(sent: readonly number[]): Handshake {
  return {
    greeting: Uint8Array.from(sent),
    consume: (bytes) => (bytes.length < 2 ? undefined : 2),
  };
}

function calls(t: Test, port: FakePort, expected: readonly string[], what = ''): void {
  t.strictSame(port.calls.splice(0), expected, what);
}

const one = Uint8Array.of(1);

t.test('answers to what came together leave together', async (t) => {
  const { connection, port, sink } = open();
  calls(t, port, ['start']);
  sink.onEach = () => connection.send(one);
  port.receive(2, 7, 2, 8, 2);
  t.strictSame(sink.frames, [7, 8]);
  calls(t, port, ['send, more follows', 'send, more follows', 'push']);
  connection.send(one);
  calls(t, port, ['send'], 'alone it does not wait');
});

t.test('a port that gathers is told when the turn is over, once', async (t) => {
  const { connection, port } = open({ gathers: true });
  calls(t, port, ['start']);
  connection.send(one);
  connection.send(one);
  calls(t, port, ['send, more follows', 'send, more follows']);
  await setImmediate();
  calls(t, port, ['push']);
});

t.test('a pause amid a batch keeps the rest, and nothing is delivered by resume()', async (t) => {
  const { connection, port, sink } = open();
  sink.onEach = () => connection.pause();
  port.receive(2, 1, 2, 2, 2, 3);
  t.strictSame(sink.frames, [1]);
  port.events.onEnd();
  t.strictSame(sink.closes, []);
  connection.resume();
  connection.resume();
  t.strictSame(sink.frames, [1]);
  await setImmediate();
  t.strictSame(sink.frames, [1, 2]);
  sink.onEach = () => {};
  connection.resume();
  await setImmediate();
  t.strictSame(sink.frames, [1, 2, 3]);
  t.strictSame(sink.closes, [undefined], 'the end comes behind them');
});

t.test('back-pressure: a mark to stop at, one to go on at, and an end', async (t) => {
  const limits = { highWaterBytes: 4, lowWaterBytes: 2, maxQueuedBytes: 8 };
  const { connection, port, sink } = open(limits);
  const send = (): boolean => connection.send(Uint8Array.of(2), Uint8Array.of(0));
  t.strictSame([send(), send(), send()], [true, true, false]);
  port.left(3);
  t.equal(sink.drains, 0);
  port.left(1);
  t.equal(sink.drains, 1);
  port.left(2);
  t.equal(sink.drains, 1, 'once for each time');
  t.equal(connection.bytesMoved, 6, 'what left after it had waited tells that the peer lives');
  for (let i = 0; i < 5; i++) send();
  await setImmediate();
  t.strictSame(sink.closes, ['somebody leaves 10 bytes unread: connection ended']);
});

t.test('close() waits until all has left and the peer has ended, too', async (t) => {
  const { connection, port, sink } = open();
  connection.send(one);
  port.calls.splice(0);
  const closed = connection.close();
  calls(t, port, ['resume', 'push']);
  port.receive(2, 5);
  t.strictSame(sink.frames, [], 'what comes is thrown away');
  t.equal(port.unread + connection.assembler.pendingBytes, 0);
  t.equal(connection.send(one), true, 'nothing more is sent');
  calls(t, port, []);
  port.left(1);
  calls(t, port, ['end']);
  t.equal(connection.state, 'closing');
  port.events.onSent(0);
  calls(t, port, [], 'once');
  port.events.onEnd();
  calls(t, port, ['destroy: in order']);
  await closed;
  await setImmediate();
  t.strictSame(sink.closes, [undefined]);
});

t.test('a peer that has ended first still gets what is queued', async (t) => {
  const { connection, port } = open();
  connection.send(one);
  const closed = connection.close();
  port.calls.splice(0);
  port.events.onEnd();
  calls(t, port, []);
  port.left(1);
  calls(t, port, ['destroy: in order']);
  await closed;
});

t.test('a close that takes too long ends, with an error only if something is left', async (t) => {
  for (const [queued, text] of [
    [1, 'somebody did not read the last 1 bytes within 1 ms'],
    [0, undefined],
  ] as const) {
    const { connection, port, sink } = open({ closeTimeoutMs: 1 });
    connection.send(one);
    port.queuedBytes = queued;
    await connection.close();
    await setImmediate();
    t.strictSame(sink.closes, [text]);
  }
});

t.test('once all was said, it does not matter how the stream ends', async (t) => {
  const { connection, port, sink } = open();
  const closed = connection.close();
  port.events.onGone(new Error('reset'));
  await closed;
  await setImmediate();
  t.strictSame(sink.closes, [undefined]);
});

t.test(
  'a stream that ends amid a frame, fails, or brings nonsense ends with an error',
  async (t) => {
    const ends: [(port: FakePort) => void, RegExp][] = [
      [
        (port) => {
          port.receive(3, 1);
          port.events.onEnd();
        },
        /^somebody closed the connection in the middle of a message, 2 bytes into it$/,
      ],
      [(port) => port.events.onGone(new Error('reset')), /^reset$/],
      [(port) => port.events.onEnd(new Error('unread')), /^unread$/],
      [(port) => port.receive(0), /a message of 0 bytes/],
    ];
    for (const [end, text] of ends) {
      const { connection, port, sink } = open();
      end(port);
      await connection.close();
      await setImmediate();
      t.equal(sink.closes.length, 1);
      t.match(sink.closes[0], text);
      t.equal(port.calls.filter((call) => call.startsWith('destroy')).length, 1);
    }
  },
);

t.test('closing from within a handler leaves its frame alone', async (t) => {
  const { connection, port, sink } = open();
  let seen: number[] = [];
  sink.onFrame = ({ bytes, start, length }) => {
    port.receive(2, 99);
    void connection.close();
    seen = [...bytes.subarray(start, start + length)];
  };
  port.receive(2, 5, 2, 6);
  t.strictSame(seen, [2, 5]);
  t.equal(connection.state, 'closing');
  t.equal(port.unread + connection.assembler.pendingBytes, 0, 'the rest is thrown away');
  connection.abort(new Error('over'));
});

t.test('the port pauses with the connection, also before it is open', async (t) => {
  const { connection, port, sink } = unopened();
  connection.pause();
  connection.open({ handshakeTimeoutMs: 1000, ready: () => sink, failed() {} });
  calls(t, port, ['pause', 'start', 'pause']);
  t.ok(connection.paused);
  connection.resume();
  await setImmediate();
  calls(t, port, ['push', 'resume']);
  connection.resume();
  await setImmediate();
  calls(t, port, [], 'it was not paused');
  connection.pause();
  connection.resume();
  connection.pause();
  await setImmediate();
  calls(t, port, ['pause', 'pause'], 'paused again before it went on');
  void connection.close();
  calls(t, port, ['resume', 'push', 'end']);
  connection.resume();
  connection.pause();
  await setImmediate();
  calls(t, port, [], 'the end of the peer is waited for all the same');
  connection.abort(new Error('over'));
});

t.test('a handler that pauses while the rest is handed out keeps the port paused', async (t) => {
  const { connection, port, sink } = open();
  sink.onEach = () => connection.pause();
  port.receive(2, 1, 2, 2, 2, 3);
  connection.resume();
  await setImmediate();
  t.strictSame(sink.frames, [1, 2]);
  calls(t, port, ['start', 'pause', 'push', 'pause', 'push']);
});

t.test('what comes while a frame is handled waits: for the next, for a pause, or for ever', (t) => {
  for (const [meanwhile, frames, unread] of [
    [() => {}, [1, 2], 0],
    [(connection: FramedConnection) => connection.pause(), [1], 2],
    [(connection: FramedConnection) => connection.abort(new Error('over')), [1], 2],
  ] as const) {
    const { connection, port, sink } = open();
    sink.onEach = (count) => {
      if (count > 1) return;
      port.receive(2, 2);
      port.events.onEnd();
      t.equal(sink.frames.length, 1, 'not from within the handler');
      meanwhile(connection);
    };
    port.receive(2, 1);
    t.strictSame(sink.frames, frames);
    t.equal(port.unread, unread);
  }
  t.end();
});

t.test('what was held back is thrown away by close()', async (t) => {
  const { connection, port, sink } = open();
  sink.onEach = () => connection.pause();
  port.receive(2, 1, 2, 2);
  t.equal(connection.assembler.pendingBytes, 2);
  void connection.close();
  t.equal(connection.assembler.pendingBytes, 0);
  connection.abort(new Error('over'));
});

t.test('nobody is told to go on once the connection is closing', async (t) => {
  const { connection, port, sink } = open({ highWaterBytes: 1, lowWaterBytes: 1 });
  t.equal(connection.send(one, one), false);
  port.events.onSent();
  t.equal(connection.bytesMoved, 1, 'something left, the port does not know how much');
  void connection.close();
  port.left(2);
  t.equal(sink.drains, 0);
  connection.abort(new Error('over'));
});

t.test('an end is told once, later, and when the port has given everything back', async (t) => {
  const { connection, port, sink } = open({ gathers: true });
  let giveBack: () => void = () => {};
  port.destroyed = new Promise((resolve) => {
    giveBack = resolve;
  });
  connection.send(one);
  connection.abort(new Error('first'));
  connection.abort(new Error('second'));
  let isClosed = false;
  const closed = connection.close().then(() => {
    isClosed = true;
  });
  await setImmediate();
  calls(t, port, ['start', 'send, more follows', 'destroy: first']);
  t.strictSame([isClosed, sink.closes], [false, []]);
  giveBack();
  await closed;
  await setImmediate();
  t.strictSame(sink.closes, ['first']);

  const atOnce = open();
  atOnce.connection.abort(new Error('enough'));
  t.strictSame(atOnce.sink.closes, [], 'not from within abort()');
  await setImmediate();
  t.strictSame(atOnce.sink.closes, ['enough']);
});

t.test('a connection that is over leaves no timer and no descriptor behind', async (t) => {
  const timers = (): number =>
    process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const before = timers();
  const { connection } = open({ closeTimeoutMs: 60_000 });
  let closed = 0;
  const { assembler } = connection;
  assembler.reserve();
  assembler.bytes.set([9, 1], assembler.end);
  assembler.commit(2, [{ close: () => void closed++ }]);
  connection.pause();
  connection.onReceived();
  t.equal(closed, 0);
  connection.abort(new Error('over'));
  t.equal(closed, 1);
  const other = open({ closeTimeoutMs: 60_000 });
  void other.connection.close();
  t.equal(timers(), before + 1);
  other.port.events.onEnd();
  t.equal(timers(), before);
});

t.test('one that is closed before it is open ends at once', async (t) => {
  const { connection, port } = unopened();
  await connection.close();
  calls(t, port, ['destroy: in order']);
});

t.test('whoever is asked for a sink may end the connection', async (t) => {
  const { connection, port, sink } = unopened();
  const ready = (): FrameSink => {
    connection.abort(new Error('not you'));
    return sink;
  };
  connection.open({ handshakeTimeoutMs: 1000, ready, failed() {} });
  calls(t, port, ['destroy: not you']);
  await setImmediate();
  t.strictSame(sink.closes, ['not you']);

  const closing = unopened();
  const close = (): FrameSink => {
    void closing.connection.close();
    return closing.sink;
  };
  closing.connection.open({ handshakeTimeoutMs: 1000, ready: close, failed() {} });
  t.equal(closing.connection.state, 'closing');
  closing.port.receive(2, 1);
  t.strictSame(closing.sink.frames, []);
  closing.port.events.onEnd();
  await setImmediate();
  t.strictSame(closing.sink.closes, [undefined]);
});

t.test('frames begin behind the greetings', async (t) => {
  const { connection, port, sink } = unopened();
  const handshake = greeting([7, 7]);
  connection.open({ handshake, handshakeTimeoutMs: 1000, ready: () => sink, failed() {} });
  calls(t, port, ['send', 'start']);
  port.receive(8);
  t.equal(connection.state, 'opening');
  port.receive(8, 2, 5);
  t.equal(connection.state, 'open');
  t.strictSame(sink.frames, [5]);
});

t.test('a greeting that is cut off, or does not leave, is a failure to open', async (t) => {
  const failures: string[] = [];
  const failed = ({ message }: Error): void => void failures.push(message);
  const cut = unopened();
  const opening = { handshakeTimeoutMs: 1000, ready: () => cut.sink, failed };
  cut.connection.open({ ...opening, handshake: greeting([]) });
  cut.port.receive(8);
  cut.port.events.onEnd();
  t.strictSame(failures.splice(0), [
    'somebody closed the connection before its greeting was complete',
  ]);
  const full = unopened({ highWaterBytes: 1, lowWaterBytes: 1, maxQueuedBytes: 1 });
  full.connection.open({ ...opening, handshake: greeting([7, 7]) });
  const text = 'somebody leaves 2 bytes unread: connection ended';
  t.strictSame(failures, [text]);
  calls(t, full.port, ['send', `destroy: ${text}`], 'it is not started');
});

t.test('descriptors that do not go are closed: too many, or too late', async (t) => {
  const { connection, port } = open();
  let closed = 0;
  const descriptor = { close: () => void closed++ };
  t.throws(() => connection.send(one, undefined, [descriptor, descriptor]), {
    code: 'VFU_UNSUPPORTED',
    message: /^2 descriptors in one message, at most 1 can be passed: split them$/,
  });
  t.equal(closed, 2);
  port.events.onGone();
  t.equal(connection.send(one, undefined, [descriptor]), true);
  t.equal(closed, 3);
});

t.test('options that make no sense are named', async (t) => {
  for (const [options, text] of [
    [{ closeTimeoutMs: -1 }, 'closeTimeoutMs must not be negative, it is -1'],
    [{ maxFrameBytes: Number.NaN }, 'maxFrameBytes must not be negative, it is NaN'],
    [
      { lowWaterBytes: 9, highWaterBytes: 8 },
      'lowWaterBytes (9) must not be above highWaterBytes (8)',
    ],
  ] as const) {
    t.throws(() => resolveOptions(options, {}), { code: 'VFU_CONFIG_INVALID', message: text });
  }
  t.equal(resolveOptions({ closeTimeoutMs: 7 }, { maxFrameBytes: 3 }).closeTimeoutMs, 7);
  t.equal(resolveOptions({}, { maxFrameBytes: 3 }).maxFrameBytes, 3);
});
