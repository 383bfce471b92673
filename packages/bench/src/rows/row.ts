import type { Entrant } from '../engine/measured.js';
import { recordNanoseconds } from '../statistics.js';

/** Times of single operations, as whoever did them took them. */
export interface Samples {
  readonly nanoseconds: ArrayLike<number>;
  /** Operations under way at once: together with the times it gives the rate. */
  readonly depth: number;
}

/** A contender that always does as much, and tells afterwards how long each operation took. */
export function sampled(name: string, measure: () => Samples | Promise<Samples>): Entrant {
  return {
    name,
    role: 'transport',
    pid: undefined,
    async measure(_milliseconds, latencies) {
      const { nanoseconds, depth } = await measure();
      let total = 0;
      for (const time of Array.from(nanoseconds)) {
        recordNanoseconds(latencies, time);
        total += time;
      }
      const milliseconds = total / depth / 1e6;
      return { work: { operations: nanoseconds.length, milliseconds }, clientTime: 0 };
    },
  };
}

/**
 * What of the subject is divided by that of the floor. `time`: the median time of an operation;
 * `speed`: its inverse; `rate`: operations per second, which counts every interruption as well.
 */
export type Quantity = 'time' | 'speed' | 'rate';

/** What a subject is held against. */
export interface Comparison {
  readonly subject: Entrant;
  readonly floor: Entrant;
  readonly quantity: Quantity;
  /** At most this for a time, at least this for the others; absent: for information. */
  readonly target?: number;
}

/** Contenders measured together: all of them in every round, one after the other. */
export interface Row {
  readonly name: string;
  /** What an operation is and what was set up, in a sentence. */
  readonly what: string;
  readonly contenders: readonly Entrant[];
  readonly comparisons: readonly Comparison[];
}
