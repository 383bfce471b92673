/** Failed waits in a row that indicate slow messages. */
const MAX_FAILURES = 4;
/** Messages per experiment with the other mode. */
const EXPERIMENT_MESSAGES = 16;
/**
 * Messages until the next experiment: at first, and at most, as each one without a gain doubles it.
 */
const FIRST_STAY = 256;
const LONGEST_STAY = 16_384;
/** Busy polling takes a processor from others: it must be faster by this factor. */
const WORTHWHILE = 0.9;
/** A message that took so many times as long as usual was held up by something else. */
const OUTLIER = 4;
/** What a message counts for in the average. */
const WEIGHT = 1 / 32;

/**
 * Decides whether busy polling for the next message pays. It saves the time to sleep and wake up,
 * but costs more than that where the peer needs the same processor. Both modes are tried now and
 * then, and the faster one is kept.
 */
export class BusyPolling {
  readonly #maxMs: number;
  #lastMs = Number.NEGATIVE_INFINITY;
  /** Busy polling is on. */
  #spins = false;
  /** An experiment with the other mode is running. */
  #isExperiment = false;
  /** Messages until the experiment, or the time until the next one, is over. */
  #left = FIRST_STAY / 4;
  #stay = FIRST_STAY;
  /** Average time between messages, outside of experiments. */
  #usualMs = 0;
  #experimentMs = 0;
  #failures = 0;

  constructor(maxUs: number) {
    this.#maxMs = maxUs / 1000;
  }

  /** Bytes arrived. */
  arrived(nowMs: number): void {
    const gap = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    if (this.#isExperiment) this.#tried(Math.min(gap, this.#maxMs * OUTLIER));
    else if (gap >= this.#maxMs) this.#slow();
    else this.#usual(gap);
  }

  /** Whether to try again. */
  pays(nowMs: number): boolean {
    return this.#spins && nowMs - this.#lastMs < this.#maxMs;
  }

  #usual(gap: number): void {
    this.#failures = 0;
    const usual = this.#usualMs;
    this.#usualMs = usual === 0 ? gap : usual + (Math.min(gap, usual * OUTLIER) - usual) * WEIGHT;
    if (--this.#left > 0) return;
    this.#isExperiment = true;
    this.#spins = !this.#spins;
    this.#left = EXPERIMENT_MESSAGES;
    this.#experimentMs = 0;
  }

  /** Busy polling for slow messages would be in vain. */
  #slow(): void {
    if (!this.#spins || ++this.#failures < MAX_FAILURES) return;
    this.#spins = false;
    this.#settle(FIRST_STAY);
  }

  #tried(gap: number): void {
    this.#experimentMs += gap / EXPERIMENT_MESSAGES;
    if (--this.#left > 0) return;
    const isFaster = this.#spins
      ? this.#experimentMs < this.#usualMs * WORTHWHILE
      : this.#experimentMs * WORTHWHILE < this.#usualMs;
    if (isFaster) {
      this.#settle(FIRST_STAY);
    } else {
      this.#spins = !this.#spins;
      const usual = this.#usualMs;
      this.#settle(Math.min(2 * this.#stay, LONGEST_STAY));
      this.#usualMs = usual;
    }
  }

  #settle(stay: number): void {
    this.#isExperiment = false;
    this.#stay = stay;
    this.#left = stay;
    this.#usualMs = 0;
    this.#failures = 0;
  }
}
