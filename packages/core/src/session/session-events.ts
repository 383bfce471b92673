import type { FrameSink } from '../transport/transport.js';
import type { LinkSilence } from './session-link.js';

/** The sink of the frames of a session that survives its links. */
export interface SessionSink extends FrameSink {
  /** The link was lost; what is sent is kept until the session is continued. */
  onInterrupted?(): void;
  /** The session goes on over another link. */
  onContinued?(): void;
}

/** A session that goes on over another link. */
export interface Continuation {
  /** Time without a link, ms. */
  readonly gapMs: number;
  /** Number of frames that were sent again. */
  readonly resentFrames: number;
}

/** What becomes of such a session, for whoever made it. */
export interface ResumableEvents {
  /**
   * The link was lost.
   * @param isReplaced the peer is there, with another one.
   */
  onLost(reason: Error, isReplaced: boolean): void;
  onContinued(continuation: Continuation): void;
  /** The session has ended; called once. */
  onEnd(error?: Error): void;
}

export interface ResumableOptions extends LinkSilence {
  /** Secret of the session: never shown, never logged. */
  readonly id: Uint8Array;
  /** Most bytes of frames kept for the peer. The session ends when it leaves more unhandled. */
  readonly maxKeptBytes: number;
  readonly events: ResumableEvents;
}
