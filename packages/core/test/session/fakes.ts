import { silentLogger } from '../../src/logger.js';
import type { Encoding } from '../../src/protocol/encoding.js';
import type {
  KnownCommand,
  Message,
  ReplyBodies,
  RequestBodies,
  RequestMessage,
} from '../../src/protocol/messages.js';
import { PortableEncoding } from '../../src/protocol/portable/portable-encoding.js';
import { noExtensions, type SessionExtensions } from '../../src/session/extensions.js';
import { Peer, type PeerHandlers } from '../../src/session/peer.js';
import type { Descriptor, SharedResources } from '../../src/transport/resources.js';
import type { Connection, TransportCapabilities } from '../../src/transport/transport.js';
import { frameOf } from '../protocol/wire.js';

/** A connection whose other end is the test: it sees decoded messages. */
export class FakeConnection implements Connection {
  readonly peer = 'fake';
  readonly capabilities: TransportCapabilities = {
    fdPassing: true,
    sharedMemory: true,
    oneSidedMemory: false,
    orderedNotifications: false,
    maxFrameBytes: 2 ** 24,
    maxDescriptors: 16,
  };
  resources: SharedResources | undefined;
  readonly sent: Message[] = [];
  readonly sentBytes: number[] = [];
  /** What `send` returns. */
  hasRoom = true;
  bytesMoved = 0;
  paused = false;
  closes = 0;
  aborted: Error | undefined;
  readonly #reader: Encoding;

  constructor(reader: Encoding) {
    this.#reader = reader;
  }

  send(head: Uint8Array, data = new Uint8Array(0), descriptors: readonly Descriptor[] = []) {
    const bytes = Buffer.concat([head, data]);
    this.sent.push(this.#reader.decode(frameOf(bytes)));
    this.sentBytes.push(bytes.length);
    for (const descriptor of descriptors) descriptor.close();
    return this.hasRoom;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  async close(): Promise<void> {
    this.closes++;
  }

  abort(reason: Error): void {
    this.aborted ??= reason;
  }

  /** The requests that left, by command. */
  requests<C extends KnownCommand>(command: C): Extract<RequestMessage, { command: C }>[] {
    return this.sent.filter(
      (message): message is Extract<RequestMessage, { command: C }> =>
        message.kind === 'request' && message.command === command,
    );
  }
}

export interface PeerFixtureOptions {
  readonly pauseWhenBackedUp?: boolean;
  readonly encoding?: () => Encoding;
  readonly timeoutMs?: number;
  readonly silenceMs?: number;
}

function portable(): Encoding {
  return new PortableEncoding();
}

/** A peer under test, with what its user was told, and the far side to play. */
export class PeerFixture {
  readonly connection: FakeConnection;
  readonly peer: Peer;
  readonly requests: RequestMessage[] = [];
  readonly #far: Encoding;

  constructor(
    extensions: Partial<SessionExtensions> = {},
    handlers: Partial<PeerHandlers> = {},
    options: PeerFixtureOptions = {},
  ) {
    const { pauseWhenBackedUp = false, encoding = portable, timeoutMs = 0, silenceMs } = options;
    this.#far = encoding();
    this.connection = new FakeConnection(this.#far);
    this.peer = new Peer(
      {
        connection: this.connection,
        negotiated: {
          encoding: encoding(),
          extensions: { ...noExtensions, ...extensions },
          serverHoldMs: 0,
        },
      },
      { onRequest: (request) => void this.requests.push(request), onClose() {}, ...handlers },
      { logger: silentLogger, timeoutMs, ...(silenceMs && { silenceMs }), pauseWhenBackedUp },
    );
  }

  /** A request of the far side arrives. @returns its bytes. */
  receive<C extends KnownCommand>(
    command: C,
    body: RequestBodies[C],
    { id = 0, noReply = false } = {},
  ): number {
    const { head, data = new Uint8Array(0) } = this.#far.encodeRequest(command, id, body, noReply);
    return this.receiveBytes(Buffer.concat([head, data]));
  }

  /** The far side answers. */
  answer<C extends KnownCommand>(
    command: C,
    id: number,
    body: ReplyBodies[C],
    descriptors: readonly Descriptor[] = [],
  ): void {
    const { head, data = new Uint8Array(0) } = this.#far.encodeReply(command, id, body);
    this.peer.onFrame({ ...frameOf(Buffer.concat([head, data])), descriptors });
  }

  /** The far side refuses. */
  refuse(command: KnownCommand, id: number, errno: number): void {
    const { head } = this.#far.encodeError(command, id, errno, 'refused');
    this.receiveBytes(head);
  }

  receiveBytes(bytes: Uint8Array): number {
    this.peer.onFrame(frameOf(bytes));
    return bytes.length;
  }

  /** There is room in the send queue again. */
  drain(): void {
    this.connection.hasRoom = true;
    this.peer.onDrain();
  }

  /** The connection has ended; its keep-alive timer with it. */
  end(error?: Error): void {
    this.peer.onClose(error);
  }
}

/** Lets promise callbacks run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Remembers whether it was closed. */
export class FakeDescriptor implements Descriptor {
  closed = false;

  close(): void {
    this.closed = true;
  }
}
