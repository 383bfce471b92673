import { diagnostics } from '../diagnostics/channels.js';
import type { Logger } from '../logger.js';
import type { Continuation } from './resumable-connection.js';

/** What became of links, in numbers. */
export interface LinkStatistics {
  /** How often a session went on over another link. */
  readonly resumes: number;
  /** Frames that were sent again. */
  readonly framesSentAgain: number;
  /** Longest time that a session was without a link and went on, ms. */
  readonly longestGapMs: number;
}

/** Logs, publishes and counts what becomes of the links of sessions. */
export class LinkReport {
  #resumes = 0;
  #framesSentAgain = 0;
  #longestGapMs = 0;

  get statistics(): LinkStatistics {
    return {
      resumes: this.#resumes,
      framesSentAgain: this.#framesSentAgain,
      longestGapMs: this.#longestGapMs,
    };
  }

  lost(logger: Logger, peer: string, reason: Error, holdMs: number): void {
    if (diagnostics.link.hasSubscribers) {
      diagnostics.link.publish({ event: 'interrupted', peer, error: reason });
    }
    const fields = { peer, reason: reason.message, holdSeconds: holdMs / 1000 };
    logger.warn(fields, 'the link is lost, the session is kept');
  }

  continued(logger: Logger, peer: string, { gapMs, resentFrames }: Continuation): void {
    this.#resumes += 1;
    this.#framesSentAgain += resentFrames;
    this.#longestGapMs = Math.max(this.#longestGapMs, Math.round(gapMs));
    if (diagnostics.link.hasSubscribers) {
      diagnostics.link.publish({ event: 'continued', peer, gapMs, framesSentAgain: resentFrames });
    }
    const fields = { peer, seconds: Math.round(gapMs) / 1000, framesSentAgain: resentFrames };
    logger.info(fields, 'the link is back, the session goes on');
  }
}
