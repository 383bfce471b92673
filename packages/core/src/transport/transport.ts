import type { Logger } from '../logger.js';
import type { Handshake } from './handshake.js';
import type { OneSidedMemory } from './one-sided.js';
import type { Descriptor, SharedMemory, SharedResources } from './resources.js';
import type { EncodingName, TransportUri } from './uri.js';

/**
 * Features of a transport. Code above checks these flags, never the URI scheme. The compliance
 * suite covers every flag that is on.
 */
export interface TransportCapabilities {
  /** Descriptors can be attached to messages (SCM_RIGHTS); `resources` is present. */
  readonly fdPassing: boolean;
  /** Both ends can map the same memory, so a DMA_MAP descriptor gives direct access. */
  readonly sharedMemory: boolean;
  /** Each side can access memory that the other exposes (RDMA); `oneSided` is present. */
  readonly oneSidedMemory: boolean;
  /**
   * Messages and notifications share one ordered channel. If off (eventfds beside a socket), a
   * notification must wait for the replies of earlier DMA writes.
   */
  readonly orderedNotifications: boolean;
  /** Largest frame the transport carries, header included, bytes. */
  readonly maxFrameBytes: number;
  /** Most descriptors one frame can carry. */
  readonly maxDescriptors: number;
}

/** A complete received message. Reused by the transport: valid until the handler returns. */
export interface Frame {
  /** The transport's receive buffer; this frame is `[start, start + length)` of it. */
  readonly bytes: Uint8Array;
  /** A view of the same buffer: `view.getUint8(i)` is `bytes[i]`. */
  readonly view: DataView;
  readonly start: number;
  /** Bytes, header included. */
  readonly length: number;
  /** Attached descriptors. The handler owns them, even if it ignores the message. */
  readonly descriptors: readonly Descriptor[];
}

/** How a byte stream is split into frames, which an encoding defines for stream transports. */
export interface Framing {
  /** Bytes that {@link frameLength} needs. */
  readonly headerBytes: number;
  /**
   * Length of the frame that starts at `offset`, header included.
   * @throws {ProtocolViolationError} when the length is impossible or above the limit.
   */
  frameLength(view: DataView, offset: number): number;
  /** Whether the frame that starts at `offset` is of a kind that may carry descriptors. */
  mayCarryDescriptors(view: DataView, offset: number): boolean;
}

/**
 * Receives the frames of one connection. It exists before the first frame, so that none is missed.
 */
export interface FrameSink {
  onFrame(frame: Frame): void;
  /** The send queue fell below its low-water mark after {@link Connection.send} returned `false`. */
  onDrain(): void;
  /** Called exactly once. `error` is absent after an orderly close by either side. */
  onClose(error?: Error): void;
}

/** Who is at the other end of a connection, as far as the transport knows. */
export interface PeerIdentity {
  /** Whom the certificate names that the peer has proved to own. */
  readonly certificate?: string | undefined;
  /** Its network address, without the port; on one host its user. */
  readonly address?: string | undefined;
}

/** A bidirectional ordered stream of frames. */
export interface Connection {
  /** Name of the peer, for logs. */
  readonly peer: string;
  readonly identity?: PeerIdentity | undefined;
  readonly capabilities: TransportCapabilities;
  readonly resources: SharedResources | undefined;
  readonly oneSided?: OneSidedMemory | undefined;
  /**
   * Incremented by received bytes, and by sent bytes that had to wait for the peer: the peer is
   * alive. Without it only frames show that.
   */
  readonly bytesMoved?: number | undefined;
  /**
   * Queue one frame: `head`, then `data`.
   *
   * `head` is read before this returns. `data` is borrowed and must not change before the frame is
   * sent; put small payloads into `head`. Ownership of `descriptors` passes to this call. Returns
   * `false` when the queue is above its high-water mark: the frame is queued all the same, but the
   * caller should stop until {@link FrameSink.onDrain}.
   *
   * After the connection has ended this only closes the descriptors.
   */
  send(head: Uint8Array, data?: Uint8Array, descriptors?: readonly Descriptor[]): boolean;
  /** Stop reading: back-pressure towards the peer. */
  pause(): void;
  resume(): void;
  /** Send what is queued, then close. Idempotent. */
  close(): Promise<void>;
  /** Close now and drop what is queued. `reason` goes to the sink. */
  abort(reason: Error): void;
}

export interface Listener {
  /** URI it listens on, with port 0 resolved. */
  readonly uri: string;
  /**
   * Resolves when no further connection can arrive and the existing ones have ended: an inherited
   * socket that is already connected is a single connection.
   */
  readonly ended?: Promise<void>;
  /**
   * Stop accepting. Established connections stay open; those still being set up are ended.
   * Idempotent.
   */
  close(): Promise<void>;
}

/** What a transport knows of a connection when its handshake begins. */
export interface HandshakeOrigin {
  /** Data of the transport for its peer. */
  readonly attachment?: Uint8Array | undefined;
  readonly identity?: PeerIdentity | undefined;
}

/** What core passes to a transport, as opposed to the user's options. */
export interface OpenContext {
  readonly framing: Framing;
  /**
   * Creates the handshake of a connection, if its encoding has one. Stream transports run it before
   * the first frame: `connect` resolves, and `listen` accepts, once it is complete.
   */
  readonly handshake?: ((origin?: HandshakeOrigin) => Handshake) | undefined;
  /** Aborts `connect` or `listen`, which rejects with the reason. */
  readonly signal?: AbortSignal;
  readonly logger?: Logger;
}

/**
 * Takes over a new connection, on either side.
 * @param handshake the completed one, if any.
 * @returns the sink of its frames. An error ends the connection.
 */
export type Accept = (connection: Connection, handshake?: Handshake) => FrameSink;

/** A transport. Stateless: one instance serves any number of endpoints. */
export interface Transport {
  /** URI schemes without the colon, for example `['unix', 'fd']`. */
  readonly schemes: readonly string[];
  /** Query keys it knows, for errors and documentation. */
  readonly queryKeys: readonly string[];
  /** Encoding for `uri`. Default: native. */
  encodingFor?(uri: TransportUri): EncodingName;
  /** Allocate memory that peers can map. Absent if descriptors cannot be passed. */
  createMemory?(name: string, length: number): SharedMemory;
  /** Page size for such memory, bytes. Default 4096. */
  readonly pageBytes?: number;
  /** Connect: resolves once `accept` has returned, rejects if there is no connection. */
  connect(uri: TransportUri, accept: Accept, context: OpenContext): Promise<Connection>;
  listen(uri: TransportUri, accept: Accept, context: OpenContext): Promise<Listener>;
  /**
   * Reload files named by URIs, such as certificates, for future connections. Unusable files leave
   * the previous ones in use. Logs the outcome, never rejects.
   */
  reload?(logger: Logger): Promise<void>;
}
