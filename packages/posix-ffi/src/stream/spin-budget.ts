/** Failed waits in a row that show that waiting does not pay at present. */
const MAX_FAILURES = 4;
/** Messages until it is tried again. */
const RETRY_AFTER_MESSAGES = 256;

/**
 * How long it pays to wait actively for the next message. When messages come quickly, waiting a
 * little longer than the time between them finds the next one without the cost of going to sleep
 * and being woken. When it does not find it, because the peer is slow or needs the very processor
 * that is busy waiting, it is given up for a while.
 */
export class SpinBudget {
  readonly #maxMs: number;
  #budgetMs = 0;
  #lastMs = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #messagesToRetry = 0;

  constructor(maxUs: number) {
    this.#maxMs = maxUs / 1000;
  }

  /** Bytes arrived. */
  arrived(nowMs: number): void {
    const gap = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    if (gap < this.#budgetMs) {
      this.#failures = 0;
      this.#budgetMs = Math.min(this.#maxMs, Math.max(this.#budgetMs, 2 * gap));
    } else if (this.#budgetMs > 0) {
      this.#failures += 1;
      if (this.#failures < MAX_FAILURES) return;
      this.#budgetMs = 0;
      this.#messagesToRetry = RETRY_AFTER_MESSAGES;
    } else if (this.#messagesToRetry > 0) {
      this.#messagesToRetry -= 1;
    } else if (gap < this.#maxMs) {
      this.#failures = 0;
      this.#budgetMs = Math.min(this.#maxMs, 2 * gap);
    }
  }

  /** Whether to try again. */
  pays(nowMs: number): boolean {
    return nowMs - this.#lastMs < this.#budgetMs;
  }
}
