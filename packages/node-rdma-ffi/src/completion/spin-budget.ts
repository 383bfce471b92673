/** Longest pause after waiting in vain again and again, in arrivals. */
const MAX_PAUSE = 1024;

/**
 * Decides whether busy polling for the next completion pays. It finds it sooner than after a sleep,
 * but takes time from everything else, perhaps from the peer on the same processor. Each failure
 * doubles the pause until the next attempt.
 */
export class SpinBudget {
  readonly #maxMs: number;
  #untilMs = 0;
  #pause = 1;
  #arrivalsToRetry = 0;

  constructor(maxUs: number) {
    this.#maxMs = maxUs / 1000;
  }

  /** Something completed. */
  arrived(nowMs: number): void {
    if (nowMs < this.#untilMs) {
      this.#pause = 1;
    } else if (this.#untilMs > 0) {
      this.#pause = Math.min(2 * this.#pause, MAX_PAUSE);
      this.#arrivalsToRetry = this.#pause;
    }
    if (this.#arrivalsToRetry > 0) {
      this.#arrivalsToRetry -= 1;
      this.#untilMs = 0;
    } else {
      this.#untilMs = nowMs + this.#maxMs;
    }
  }

  /** Whether to look again. */
  pays(nowMs: number): boolean {
    return nowMs < this.#untilMs;
  }
}
