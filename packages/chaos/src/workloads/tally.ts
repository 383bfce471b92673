/** What became of operations. */
export interface Outcome {
  readonly operations: number;
  readonly lost: number;
  readonly repeated: number;
  /** Operations with another result than they should have. */
  readonly wrong: number;
}

/** Lines of explanation that are kept. */
const MAX_NOTES = 20;

/** Counts operations, finds the longest time without one, and keeps what went wrong. */
export class Tally {
  #operations = 0;
  #lost = 0;
  #repeated = 0;
  #wrong = 0;
  #lastAt = performance.now();
  #longestGapMs = 0;
  readonly #notes: string[] = [];

  get outcome(): Outcome {
    return {
      operations: this.#operations,
      lost: this.#lost,
      repeated: this.#repeated,
      wrong: this.#wrong,
    };
  }

  get isGood(): boolean {
    return this.#lost + this.#repeated + this.#wrong === 0;
  }

  /** What went wrong, in words. */
  get notes(): readonly string[] {
    return this.#notes;
  }

  /** An operation has ended. */
  operation(): void {
    this.#operations++;
    const now = performance.now();
    this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#lastAt);
    this.#lastAt = now;
  }

  lost(count: number, note: string): void {
    this.#lost += count;
    this.#note(`lost: ${note}`);
  }

  repeated(count: number, note: string): void {
    this.#repeated += count;
    this.#note(`repeated: ${note}`);
  }

  wrong(note: string): void {
    this.#wrong++;
    this.#note(`wrong: ${note}`);
  }

  /** `actual` of the `expected` operations of a kind took effect. */
  compare(what: string, expected: number, actual: number): void {
    const note = `${what}: ${actual}, expected ${expected}`;
    if (actual < expected) this.lost(expected - actual, note);
    if (actual > expected) this.repeated(actual - expected, note);
  }

  /** Look for the longest time without an operation from now on. */
  watch(): void {
    this.#lastAt = performance.now();
    this.#longestGapMs = 0;
  }

  /** The longest time without an operation since {@link watch}, ms. */
  get longestGapMs(): number {
    return this.#longestGapMs;
  }

  #note(text: string): void {
    if (this.#notes.length < MAX_NOTES) this.#notes.push(text);
  }
}
