import type { Logger } from '../logger.js';
import type { Handshake } from './handshake.js';
import type { OneSidedMemory } from './one-sided.js';
import type { Descriptor, SharedMemory, SharedResources } from './resources.js';
import type { TransportUri } from './uri.js';

/**
 * What the wire below the protocol can do. Code above asks these flags, never the URI scheme.
 * A flag that is on is covered by the compliance suite.
 */
export interface TransportCapabilities {
  /** Descriptors can ride along with a message (SCM_RIGHTS); `resources` is present. */
  readonly fdPassing: boolean;
  /** Both ends can map the same memory, so a DMA_MAP descriptor gives direct access. */
  readonly sharedMemory: boolean;
  /** Each end can reach memory that the other exposes without its doing; `oneSided` is present. */
  readonly oneSidedMemory: boolean;
  /**
   * Messages and notifications share one ordered channel. When off (an eventfd beside a socket), a
   * notification must wait for the replies of the DMA writes issued before it.
   */
  readonly orderedNotifications: boolean;
  /** Largest frame the transport carries, header included, bytes. */
  readonly maxFrameBytes: number;
  /** Most descriptors one frame can carry. */
  readonly maxDescriptors: number;
}

/** One whole received message. Reused by the transport: valid until the handler returns. */
export interface Frame {
  /** The transport's receive buffer; this frame is `[start, start + length)` of it. */
  readonly bytes: Uint8Array;
  /** A view of the same buffer: `view.getUint8(i)` is `bytes[i]`. */
  readonly view: DataView;
  readonly start: number;
  /** Bytes, header included. */
  readonly length: number;
  /** Descriptors that came along. The handler owns them, also when it ignores the message. */
  readonly descriptors: readonly Descriptor[];
}

/** How a byte stream is cut into frames: the encoding's knowledge, lent to stream transports. */
export interface Framing {
  /** Bytes that must be there before {@link frameLength} can tell the length. */
  readonly headerBytes: number;
  /**
   * Length of the frame that starts at `offset`, header included.
   * @throws {ProtocolViolationError} when the length is impossible or above the limit.
   */
  frameLength(view: DataView, offset: number): number;
  /** Whether the frame that starts at `offset` is of a kind that may carry descriptors. */
  mayCarryDescriptors(view: DataView, offset: number): boolean;
}

/** Receives from one connection. It is there before the first frame, so that none is missed. */
export interface FrameSink {
  onFrame(frame: Frame): void;
  /** The send queue fell below its low-water mark after {@link Connection.send} returned `false`. */
  onDrain(): void;
  /** Called exactly once. `error` is absent after an orderly close by either side. */
  onClose(error?: Error): void;
}

/** A bidirectional ordered stream of frames. */
export interface Connection {
  /** Who is at the other end, for logs. */
  readonly peer: string;
  readonly capabilities: TransportCapabilities;
  readonly resources: SharedResources | undefined;
  readonly oneSided?: OneSidedMemory | undefined;
  /**
   * Counts up whenever the other end is heard of: bytes came, or bytes left that had to wait until
   * it took earlier ones. Without it only whole frames tell that it lives.
   */
  readonly bytesMoved?: number | undefined;
  /**
   * Queue one frame: `head`, then `data`.
   *
   * `head` is read before this returns. `data` is borrowed: it must not change before the frame
   * has left, so hand over memory that nobody writes to, or put small payloads into `head`.
   * Ownership of `descriptors` passes to this call. Returns `false` when the queue is above its
   * high-water mark: the frame is queued all the same, the caller should stop producing until
   * {@link FrameSink.onDrain}.
   *
   * After the connection ended this does nothing but close the descriptors.
   */
  send(head: Uint8Array, data?: Uint8Array, descriptors?: readonly Descriptor[]): boolean;
  /** Stop reading: back-pressure towards the peer. */
  pause(): void;
  resume(): void;
  /** Send what is queued, then close. Idempotent. */
  close(): Promise<void>;
  /** Close now; what is queued is lost. `reason` goes to the sink. */
  abort(reason: Error): void;
}

export interface Listener {
  /** Where it really listens: port 0 is already resolved. */
  readonly uri: string;
  /**
   * Resolves when no connection can come any more and those that came have ended. Only where that
   * can be: an inherited socket that was connected already is one connection and no more.
   */
  readonly ended?: Promise<void>;
  /** Stop accepting. Connections already made live on; what is not that far is ended. Idempotent. */
  close(): Promise<void>;
}

/** What the system injects, as opposed to what the user configures. */
export interface OpenContext {
  readonly framing: Framing;
  /**
   * Makes what a connection starts with, if its encoding wants that. Stream transports run it
   * before the first frame: a client is connected, and a server accepts, once it is complete.
   * `attachment` is what the transport itself has to tell its other end.
   */
  readonly handshake?: ((attachment?: Uint8Array) => Handshake) | undefined;
  /** Ends `connect` or `listen` while it is under way, at whatever point; it rejects with the reason. */
  readonly signal?: AbortSignal;
  readonly logger?: Logger;
}

/** How messages are written, see `Encoding`. */
export type EncodingName = 'native' | 'portable';

/**
 * Takes over a new connection, on either side, and says who gets its frames. `handshake` is the one
 * that was completed on it, if any was. What it throws ends the connection.
 */
export type Accept = (connection: Connection, handshake?: Handshake) => FrameSink;

/** A way to carry frames. Stateless: one instance serves any number of endpoints. */
export interface Transport {
  /** URI schemes without the colon, for example `['unix', 'fd']`. */
  readonly schemes: readonly string[];
  /** Query keys it understands, for error texts and documentation. */
  readonly queryKeys: readonly string[];
  /** Which encoding goes over `uri`. Native when absent. */
  encodingFor?(uri: TransportUri): EncodingName;
  /** Memory that peers of this transport can map. Absent means that no descriptor can be passed at all. */
  createMemory?(name: string, length: number): SharedMemory;
  /** Bytes of a page of this host: what such memory is mapped in. 4096 when absent. */
  readonly pageBytes?: number;
  /** Connect: resolves, or rejects, once `accept` has had the connection, or there is none. */
  connect(uri: TransportUri, accept: Accept, context: OpenContext): Promise<Connection>;
  listen(uri: TransportUri, accept: Accept, context: OpenContext): Promise<Listener>;
  /**
   * Read again the files that URIs named, such as certificates, for connections from now on. What
   * cannot be used leaves the one before in use. Tells the logger what came of it, never rejects.
   */
  reload?(logger: Logger): Promise<void>;
}
