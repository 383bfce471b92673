import type { FrameAssembler } from './frame-assembler.js';
import type { OneSidedMemory } from './one-sided.js';
import type { Descriptor, SharedResources } from './resources.js';

/**
 * What carries the bytes of a connection: a socket, a stream of Node, a queue pair. It knows neither
 * frames nor the life of a connection: that is up to {@link FramedConnection}, which it tells what
 * happens by the methods of {@link StreamEvents}.
 */
export interface StreamPort {
  /** What the stream can carry beside bytes, see {@link Connection}. */
  readonly resources?: SharedResources | undefined;
  readonly oneSided?: OneSidedMemory | undefined;
  /**
   * Whether frames that are sent in one turn of the event loop leave together: {@link push} follows
   * at the end of the turn. Without that only those wait that are sent while received frames are
   * handled, until all of these are.
   */
  readonly gathers: boolean;
  /** Bytes that were given to {@link send} and have not left; 0 once the peer takes no more. */
  readonly queuedBytes: number;
  /** Begin to receive. */
  start(): void;
  /**
   * Send a frame as {@link Connection.send} has it, or queue it. With `more` it may wait for
   * {@link push}. A stream that fails meanwhile says so by {@link StreamEvents.onGone}.
   * @throws when the descriptors are none that can be sent. The caller closes them then.
   */
  send(head: Uint8Array, data: Uint8Array, descriptors: readonly Descriptor[], more: boolean): void;
  /** Let go of the frames that waited for more. */
  push(): void;
  /**
   * Copy bytes that were received already into the assembler. A port that receives straight into
   * it has none. @returns whether there were any.
   */
  read(assembler: FrameAssembler): boolean;
  /** Stop receiving. */
  pause(): void;
  /** Receive again. It may not have been paused. */
  resume(): void;
  /**
   * All was sent: tell the peer that nothing more comes. {@link StreamEvents.onEnd} says when it
   * has ended, too, or need not be waited for.
   */
  end(): void;
  /**
   * Close at once and give everything back. `error` says why, if it is not in order. The connection
   * has ended when this returns, or when the promise is settled.
   */
  destroy(error: Error | undefined): void | Promise<void>;
}

/**
 * `opening` while the peers shake hands; `closing` once our side has begun to close: what is queued
 * leaves, and what comes is thrown away.
 */
export type ConnectionState = 'new' | 'opening' | 'open' | 'closing' | 'ended';

/** What a {@link StreamPort} tells. After its `destroy` it may tell what it likes: nobody listens. */
export interface StreamEvents {
  /** To receive into. After `commit` call {@link onReceived}. */
  readonly assembler: FrameAssembler;
  readonly state: ConnectionState;
  /** Nothing is wanted of the peer for now, not even its end. */
  readonly paused: boolean;
  /** Bytes are in the assembler, or {@link StreamPort.read} has some. */
  onReceived(): void;
  /**
   * Something left of what was queued. `waitedBytes` of it had to wait until the peer took earlier
   * ones; a port that cannot tell leaves it out, and it counts while the high-water mark is passed.
   */
  onSent(waitedBytes?: number): void;
  /** The peer sends nothing more. `reason`, if that is not in order although no frame was cut. */
  onEnd(reason?: Error): void;
  /** The stream is gone, both ways. Without an error it ended in order. */
  onGone(error?: Error): void;
}
