/** Buckets per power of two: a percentile is off by at most 1/16. */
const PARTS = 16;
/** From 1/8 microsecond to nine minutes. */
const LOWEST_US = 0.125;
const DOUBLINGS = 32;

/**
 * Latencies of any number of replies in 2 KiB. The histogram of `node:perf_hooks` takes 35 KiB for that precision,
 * and there is one for each of thousands of places.
 */
export class Latencies {
  readonly #counts = new Uint32Array(PARTS * DOUBLINGS);
  #total = 0;
  #maxUs = 0;

  add(us: number): void {
    const place = Math.floor(Math.log2(Math.max(us, LOWEST_US) / LOWEST_US) * PARTS);
    const index = Math.min(place, this.#counts.length - 1);
    this.#counts[index] = (this.#counts[index] as number) + 1; // `index` is below the length
    this.#total += 1;
    this.#maxUs = Math.max(this.#maxUs, us);
  }

  /** `undefined` when nothing was added. */
  summary(): LatencySummary | undefined {
    if (this.#total === 0) return undefined;
    return { p50Us: this.#percentile(0.5), p99Us: this.#percentile(0.99), maxUs: this.#maxUs };
  }

  #percentile(share: number): number {
    let left = Math.ceil(this.#total * share);
    for (const [index, count] of this.#counts.entries()) {
      left -= count;
      if (left <= 0) return Math.min(LOWEST_US * 2 ** ((index + 1) / PARTS), this.#maxUs);
    }
    return this.#maxUs;
  }
}

/** Microseconds. */
export interface LatencySummary {
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
}
