/** Pieces start at multiples of this: a cache line. */
const ALIGNMENT = 64;

/** Hands out pieces of a buffer and takes them back, both in the same order. */
export class StagingRing {
  readonly #capacity: number;
  #head = 0;
  #used = 0;
  #lastTaken = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Where a piece of `length` bytes starts, or -1 while there is no room for it. */
  take(length: number): number {
    const rounded = Math.ceil(length / ALIGNMENT) * ALIGNMENT;
    // A piece does not go around the end: what is left there is taken along.
    const wraps = this.#head + rounded > this.#capacity;
    const skipped = wraps ? this.#capacity - this.#head : 0;
    if (this.#used + skipped + rounded > this.#capacity) return -1;
    const start = wraps ? 0 : this.#head;
    this.#head = start + rounded;
    this.#used += skipped + rounded;
    this.#lastTaken = skipped + rounded;
    return start;
  }

  /** The piece taken last starts at `start` and needs no more than `length` bytes. */
  shrink(start: number, length: number): void {
    const spare = this.#head - (start + Math.ceil(length / ALIGNMENT) * ALIGNMENT);
    this.#head -= spare;
    this.#used -= spare;
    this.#lastTaken -= spare;
  }

  /** What to {@link release} for the piece taken last. */
  get lastTaken(): number {
    return this.#lastTaken;
  }

  /** The oldest pieces are free again, `taken` bytes of them. */
  release(taken: number): void {
    this.#used -= taken;
  }
}
