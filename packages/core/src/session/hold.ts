import { VfioUserError } from '../errors.js';

/** The loss of a link. */
export interface Interruption {
  readonly reason: Error;
  /** `performance.now()`. */
  readonly since: number;
}

/** How long a session lasts without a link. */
export class Hold {
  readonly #onOver: (error: Error) => void;
  #ms = 0;
  #interruption: Interruption | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param onOver there was no link in time. */
  constructor(onOver: (error: Error) => void) {
    this.#onOver = onOver;
  }

  /** Time without a link, ms; 0: the session ends with its link. */
  get ms(): number {
    return this.#ms;
  }

  set ms(ms: number) {
    this.#ms = ms;
  }

  /** The loss of the link, `undefined` while there is one. */
  get interruption(): Interruption | undefined {
    return this.#interruption;
  }

  /** Until when the session lasts, `undefined` while there is a link. */
  get until(): Date | undefined {
    if (this.#interruption === undefined) return undefined;
    return new Date(Date.now() + this.#interruption.since + this.#ms - performance.now());
  }

  /** The link was lost. */
  begin(reason: Error): void {
    this.#interruption = { reason, since: performance.now() };
    this.#timer = setTimeout(() => {
      const text = `the link was not back within ${this.#ms / 1000} s: ${reason.message}`;
      this.#onOver(new VfioUserError('VFU_PEER_CLOSED', text, { cause: reason }));
    }, this.#ms).unref();
  }

  /** There is a link again. */
  end(): void {
    this.stop();
    this.#interruption = undefined;
  }

  /** The session has ended. */
  stop(): void {
    clearTimeout(this.#timer);
  }
}
