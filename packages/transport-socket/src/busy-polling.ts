/** Failed waits in a row that show that messages have become slow. */
const MAX_FAILURES = 4;
/** Messages for which the other way is tried. */
const TRIAL_MESSAGES = 16;
/** Messages until the next trial: at first, and at most, as each trial that brought nothing doubles it. */
const FIRST_STAY = 256;
const LONGEST_STAY = 16_384;
/** Waiting actively takes a processor from others: it must be that much faster, at least. */
const WORTHWHILE = 0.9;
/** A message that took so many times as long as usual was held up by something else. */
const OUTLIER = 4;
/** What a message counts for in the average. */
const WEIGHT = 1 / 32;

/**
 * Whether, and how long, it pays to wait actively for the next message. That saves the time to go to
 * sleep and to be woken, but where the peer needs the very processor that is busy waiting it costs
 * more than it saves. Which it is, nobody says: both ways are tried, now and then, and the one that
 * gets messages faster is kept.
 */
export class BusyPolling {
  readonly #maxMs: number;
  #lastMs = Number.NEGATIVE_INFINITY;
  /** Messages are waited for actively at present. */
  #spins = false;
  /** That is a trial. */
  #isTrial = false;
  /** Messages until the trial, or the time until the next one, is over. */
  #left = FIRST_STAY / 4;
  #stay = FIRST_STAY;
  /** Average time between messages, outside of trials. */
  #usualMs = 0;
  #trialMs = 0;
  #failures = 0;

  constructor(maxUs: number) {
    this.#maxMs = maxUs / 1000;
  }

  /** Bytes arrived. */
  arrived(nowMs: number): void {
    const gap = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    if (this.#isTrial) this.#tried(Math.min(gap, this.#maxMs * OUTLIER));
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
    this.#isTrial = true;
    this.#spins = !this.#spins;
    this.#left = TRIAL_MESSAGES;
    this.#trialMs = 0;
  }

  /** Messages that come slowly would be waited for in vain. */
  #slow(): void {
    if (!this.#spins || ++this.#failures < MAX_FAILURES) return;
    this.#spins = false;
    this.#settle(FIRST_STAY);
  }

  #tried(gap: number): void {
    this.#trialMs += gap / TRIAL_MESSAGES;
    if (--this.#left > 0) return;
    const isFaster = this.#spins
      ? this.#trialMs < this.#usualMs * WORTHWHILE
      : this.#trialMs * WORTHWHILE < this.#usualMs;
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
    this.#isTrial = false;
    this.#stay = stay;
    this.#left = stay;
    this.#usualMs = 0;
    this.#failures = 0;
  }
}
