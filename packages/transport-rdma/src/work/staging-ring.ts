/** Pieces start at multiples of this: a cache line. */
const ALIGNMENT = 64;

/** A ring buffer: allocates pieces and frees them in the same order. */
export class StagingRing {
  readonly #capacity: number;
  #head = 0;
  #used = 0;
  #lastTaken = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /**
   * Allocate `length` bytes.
   * @returns their start, or -1 while there is no room.
   */
  take(length: number): number {
    const rounded = Math.ceil(length / ALIGNMENT) * ALIGNMENT;
    // A piece does not wrap around: the rest at the end is allocated with it.
    const wraps = this.#head + rounded > this.#capacity;
    const skipped = wraps ? this.#capacity - this.#head : 0;
    if (this.#used + skipped + rounded > this.#capacity) return -1;
    const start = wraps ? 0 : this.#head;
    this.#head = start + rounded;
    this.#used += skipped + rounded;
    this.#lastTaken = skipped + rounded;
    return start;
  }

  /** Shrink the last piece, which starts at `start`, to `length` bytes. */
  shrink(start: number, length: number): void {
    const spare = this.#head - (start + Math.ceil(length / ALIGNMENT) * ALIGNMENT);
    this.#head -= spare;
    this.#used -= spare;
    this.#lastTaken -= spare;
  }

  /** Bytes to {@link release} for the last piece. */
  get lastTaken(): number {
    return this.#lastTaken;
  }

  /** The oldest pieces are free again, `taken` bytes of them. */
  release(taken: number): void {
    this.#used -= taken;
  }
}
