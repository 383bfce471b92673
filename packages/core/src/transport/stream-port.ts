import type { OneSidedMemory } from './one-sided.js';
import type { Descriptor, SharedResources } from './resources.js';

/** Where received bytes go: `reserve()`, fill `bytes` from `end` on, `commit()`. */
export interface ReceiveBuffer {
  /** May be replaced by {@link reserve}. */
  readonly bytes: Uint8Array;
  readonly end: number;
  /** Bytes that may be received at `end`. At least one after {@link reserve}. */
  readonly space: number;
  /** Bytes received and not yet taken out of it. */
  readonly pendingBytes: number;
  reserve(): void;
  /** Account for `count` received bytes and the descriptors received with them. */
  commit(count: number, descriptors?: readonly Descriptor[]): void;
}

/** Creates the stream of a connection, or of what lies between the two. */
export type PortFactory = (events: StreamEvents) => StreamPort;

/** A protocol between frames and a byte stream, for example that of WebSocket messages. */
export type PortLayer = (below: PortFactory) => PortFactory;

/**
 * The byte stream below a {@link FramedConnection}: a socket, a stream of Node, a queue pair. It
 * knows neither frames nor the state of the connection, and reports to it through {@link
 * StreamEvents}.
 */
export interface StreamPort {
  /** What the stream can carry besides bytes, see {@link Connection}. */
  readonly resources?: SharedResources | undefined;
  readonly oneSided?: OneSidedMemory | undefined;
  /**
   * Whether frames sent in one turn of the event loop are gathered until {@link push} at the end of
   * the turn. Without it, only frames sent while received frames are delivered are gathered.
   */
  readonly gathers: boolean;
  /** Bytes passed to {@link send} that are not sent yet; 0 once the peer accepts no more. */
  readonly queuedBytes: number;
  /** Start receiving. */
  start(): void;
  /**
   * Send or queue a frame, see {@link Connection.send}. With `more` it may wait for {@link push}. A
   * failing stream reports {@link StreamEvents.onGone}.
   * @throws when the descriptors cannot be sent. The caller closes them then.
   */
  send(head: Uint8Array, data: Uint8Array, descriptors: readonly Descriptor[], more: boolean): void;
  /** Send the gathered frames. */
  push(): void;
  /**
   * Copy received bytes into the assembler, if the port does not receive straight into it.
   * @returns whether there were any.
   */
  read(assembler: ReceiveBuffer): boolean;
  /** Stop receiving. */
  pause(): void;
  /** Resume receiving. The port may not be paused. */
  resume(): void;
  /**
   * End our side, after everything was sent. {@link StreamEvents.onEnd} reports the peer's end, if
   * that is to be awaited.
   */
  end(): void;
  /**
   * Close at once and release everything.
   * @param error why, unless it is orderly.
   * @returns when the connection has ended.
   */
  destroy(error: Error | undefined): void | Promise<void>;
}

/**
 * `opening` during the handshake; `closing` once our side has begun to close: the queue is sent,
 * and received data is dropped.
 */
export type ConnectionState = 'new' | 'opening' | 'open' | 'closing' | 'ended';

/** Events of a {@link StreamPort}. Ignored after its `destroy`. */
export interface StreamEvents {
  /** Receive buffer. After `commit` call {@link onReceived}. */
  readonly assembler: ReceiveBuffer;
  readonly state: ConnectionState;
  /** Do not receive for now, not even the end. */
  readonly paused: boolean;
  /** Bytes were received into the assembler, or can be copied by {@link StreamPort.read}. */
  onReceived(): void;
  /**
   * Queued bytes were sent.
   * @param waitedBytes how many of them had to wait for the peer; absent if unknown, then they
   * count while the high-water mark is exceeded.
   */
  onSent(waitedBytes?: number): void;
  /**
   * The peer has ended its side.
   * @param reason if that was not orderly although no frame was truncated.
   */
  onEnd(reason?: Error): void;
  /** Both directions have ended; orderly without an error. */
  onGone(error?: Error): void;
}
