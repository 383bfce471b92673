/** A measurement is no shorter than this, ms: less would be noise. */
const SHORTEST_MS = 5;
/** Of the time of a case that measuring takes; the rest is preparing and checking. */
const MEASURING_SHARE = 0.8;

/** Divides the time of a run among its cases. */
export class Budget {
  readonly #end: number;
  readonly #now: () => number;
  #weightLeft: number;

  /** `weight`: of all cases together. */
  constructor(milliseconds: number, weight: number, now: () => number = () => performance.now()) {
    this.#now = now;
    this.#end = now() + milliseconds;
    this.#weightLeft = weight;
  }

  /** Time of each measurement of a case, ms. What earlier cases left over or overran is shared among the rest. */
  take(weight: number, measurements: number): number {
    const left = Math.max(0, this.#end - this.#now());
    const share = (left * weight) / Math.max(this.#weightLeft, weight);
    this.#weightLeft -= weight;
    return Math.max(SHORTEST_MS, (share * MEASURING_SHARE) / measurements);
  }
}
