/** Longest pause after waiting in vain again and again, in arrivals. */
const MAX_PAUSE = 1024;

/**
 * Decides whether busy polling for the next completion pays. It finds it sooner than after a sleep,
 * but takes time from everything else, perhaps from the peer on the same processor. Each failure
 * doubles the pause until the next attempt. Only the time of waiting counts, not that of the work
 * before it.
 */
export class SpinBudget {
  readonly #maxMs: number;
  /** When the present attempt began, if there is one. */
  #sinceMs: number | undefined;
  #pause = 1;
  #arrivalsToRetry = 1;

  constructor(maxUs: number) {
    this.#maxMs = maxUs / 1000;
  }

  /** Something completed. */
  arrived(nowMs: number): void {
    if (this.#arrivalsToRetry > 0) this.#arrivalsToRetry -= 1;
    if (this.#sinceMs === undefined) return;
    if (this.#isOver(nowMs, this.#sinceMs)) this.#failed();
    else this.#pause = 1;
    this.#sinceMs = undefined;
  }

  /** There is nothing. Whether to look again. */
  pays(nowMs: number): boolean {
    if (this.#arrivalsToRetry > 0) return false;
    this.#sinceMs ??= nowMs;
    if (!this.#isOver(nowMs, this.#sinceMs)) return true;
    this.#failed();
    this.#sinceMs = undefined;
    return false;
  }

  #isOver(nowMs: number, sinceMs: number): boolean {
    return nowMs - sinceMs >= this.#maxMs;
  }

  #failed(): void {
    this.#pause = Math.min(2 * this.#pause, MAX_PAUSE);
    this.#arrivalsToRetry = this.#pause;
  }
}
