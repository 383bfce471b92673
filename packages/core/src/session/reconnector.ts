import { VfioUserError } from '../errors.js';
import type { ResumableConnection } from './resumable-connection.js';

/** First and longest time from one attempt to reconnect to the next, ms. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;
/** Part of it that is random, so that many clients do not come back at once. */
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
  readonly #onFailure: (error: Error) => void;
  readonly #ending = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #pauseMs = FIRST_PAUSE_MS;

  /** @param onFailure an attempt has failed; the next one follows. */
  constructor(attempt: ReconnectAttempt, onFailure: (error: Error) => void) {
    this.#attempt = attempt;
    this.#onFailure = onFailure;
  }

  /** The link of the session was lost. */
  start(session: ResumableConnection): void {
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#later(session, 0);
  }

  /** The session has ended. */
  end(): void {
    clearTimeout(this.#timer);
    this.#ending.abort(new VfioUserError('VFU_PEER_CLOSED', 'the session has ended'));
  }

  /** @param passedMs part of the pause that the last attempt has taken: nobody comes too often. */
  #later(session: ResumableConnection, passedMs: number): void {
    const pauseMs = this.#pauseMs * (1 - JITTER * Math.random());
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#try(session), Math.max(0, pauseMs - passedMs));
  }

  async #try(session: ResumableConnection): Promise<void> {
    const begin = performance.now();
    const signal = AbortSignal.any([AbortSignal.timeout(ATTEMPT_MS), this.#ending.signal]);
    try {
      if (await this.#attempt(session, signal)) return;
      const text =
        'the session is lost: the other side was restarted, has given it up, or was shown another certificate';
      session.abort(new VfioUserError('VFU_PEER_CLOSED', text));
    } catch (error) {
      if (session.over || session.interruption === undefined) return;
      this.#onFailure(error as Error);
      this.#later(session, performance.now() - begin);
    }
  }
}
