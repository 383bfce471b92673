import { VfioUserError } from '../errors.js';
import type { ResumableConnection } from './resumable-connection.js';

/** First and longest pause between attempts to reconnect, ms. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;
/** Part of a pause that is random, so that many clients do not come back at once. */
const JITTER = 0.5;
/** Limit of one attempt, ms. */
const ATTEMPT_MS = 5_000;

/** Connects once. Resolves with whether the session goes on: the server may not know it any more. */
export type ReconnectAttempt = (
  session: ResumableConnection,
  signal: AbortSignal,
) => Promise<boolean>;

/** Brings a client's session back over new links. */
export class Reconnector {
  readonly #attempt: ReconnectAttempt;
  readonly #ending = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #pauseMs = FIRST_PAUSE_MS;

  constructor(attempt: ReconnectAttempt) {
    this.#attempt = attempt;
  }

  /** The link of the session was lost. */
  start(session: ResumableConnection): void {
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#later(session);
  }

  /** The session has ended. */
  end(): void {
    clearTimeout(this.#timer);
    this.#ending.abort(new VfioUserError('VFU_PEER_CLOSED', 'the session has ended'));
  }

  #later(session: ResumableConnection): void {
    const pauseMs = this.#pauseMs * (1 - JITTER * Math.random());
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#try(session), pauseMs);
  }

  async #try(session: ResumableConnection): Promise<void> {
    const signal = AbortSignal.any([AbortSignal.timeout(ATTEMPT_MS), this.#ending.signal]);
    try {
      if (await this.#attempt(session, signal)) return;
      const text = 'the session is lost: the other side was restarted, or has given it up';
      session.abort(new VfioUserError('VFU_PEER_CLOSED', text));
    } catch {
      // Why the link was lost is known; why it is not back yet says no more.
      if (!session.over && session.interruption !== undefined) this.#later(session);
    }
  }
}
