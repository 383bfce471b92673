/**
 * How long it pays to wait actively for the next message. It follows the time between messages:
 * when they come quickly, waiting a little longer than that finds the next one without the cost of
 * going to sleep and being woken; when they do not, the budget fades to nothing.
 */
export class SpinBudget {
  readonly #maxMs: number;
  #budgetMs = 0;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(maxUs: number) {
    this.#maxMs = maxUs / 1000;
  }

  /** A message arrived. */
  arrived(nowMs: number): void {
    const gap = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    this.#budgetMs =
      gap <= this.#maxMs
        ? Math.min(this.#maxMs, Math.max(this.#budgetMs, 2 * gap))
        : this.#budgetMs / 2;
  }

  /** Whether to try again. */
  pays(nowMs: number): boolean {
    return nowMs - this.#lastMs < this.#budgetMs;
  }
}
