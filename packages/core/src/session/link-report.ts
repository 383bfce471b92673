import { diagnostics } from '../diagnostics/channels.js';
import type { Logger } from '../logger.js';
import type { Continuation } from './session-events.js';

/** What became of links, in numbers. */
export interface LinkStatistics {
  /** Sessions without a link now. */
  readonly heldSessions: number;
  /** How often a session lost its link and was kept. */
  readonly linkInterruptions: number;
  /** How often a session went on over another link. */
  readonly resumes: number;
  /** Frames that were sent again. */
  readonly framesSentAgain: number;
  /** Longest time that a session was without a link and went on, ms. */
  readonly longestGapMs: number;
}

/** The other side of a link: the client of a server, or the device (its URI). */
export type AboutLink = { readonly peer: string } | { readonly device: string };

/** Logs, publishes and counts what becomes of the links of sessions. */
export class LinkReport {
  #heldSessions = 0;
  #interruptions = 0;
  #resumes = 0;
  #framesSentAgain = 0;
  #longestGapMs = 0;

  get statistics(): LinkStatistics {
    return {
      heldSessions: this.#heldSessions,
      linkInterruptions: this.#interruptions,
      resumes: this.#resumes,
      framesSentAgain: this.#framesSentAgain,
      longestGapMs: this.#longestGapMs,
    };
  }

  /** @param about names the other side in the log. */
  lost(logger: Logger, about: AboutLink, reason: Error, holdMs: number): void {
    this.#heldSessions += 1;
    this.#interruptions += 1;
    if (diagnostics.link.hasSubscribers) {
      diagnostics.link.publish({ event: 'interrupted', peer: nameOf(about), error: reason });
    }
    const fields = { ...about, reason: reason.message, holdSeconds: holdMs / 1000 };
    logger.warn(fields, 'the link is lost, the session is kept');
  }

  continued(logger: Logger, about: AboutLink, { gapMs, resentFrames }: Continuation): void {
    this.#heldSessions -= 1;
    this.#resumes += 1;
    this.#framesSentAgain += resentFrames;
    this.#longestGapMs = Math.max(this.#longestGapMs, Math.round(gapMs));
    if (diagnostics.link.hasSubscribers) {
      const fields = { peer: nameOf(about), gapMs, framesSentAgain: resentFrames };
      diagnostics.link.publish({ event: 'continued', ...fields });
    }
    const fields = { ...about, seconds: Math.round(gapMs) / 1000, framesSentAgain: resentFrames };
    logger.info(fields, 'the link is back, the session goes on');
  }

  /** A session ended without a link. Whoever used it says so. */
  givenUp(about: AboutLink, error: Error | undefined): void {
    this.#heldSessions -= 1;
    if (diagnostics.link.hasSubscribers) {
      diagnostics.link.publish({ event: 'given-up', peer: nameOf(about), error });
    }
  }
}

function nameOf(about: AboutLink): string {
  return 'peer' in about ? about.peer : about.device;
}
