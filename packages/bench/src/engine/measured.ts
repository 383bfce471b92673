import type { Histogram } from '../statistics.js';
import type { Work } from '../workloads/contender.js';
import type { MeasuredRound } from './measure-round.js';

/** A contender in the rounds of one case, in this process or in another one. */
export interface Entrant {
  readonly name: string;
  readonly role: 'transport' | 'floor';
  /** Process whose time counts as the server's. */
  readonly pid: number | undefined;
  /** The floor that it is held against. */
  readonly floor?: Entrant | undefined;
  /** Prepare, measure for about `milliseconds`, record, and verify. */
  measure(milliseconds: number, latencies: Histogram): Promise<MeasuredRound>;
  close?(): Promise<void> | void;
}

/** One round of one entrant. */
export interface Round extends Work {
  /** Median time of an operation, ns; `undefined` where single operations are not seen. */
  readonly p50: number | undefined;
  /** Processor time, ns. */
  readonly clientTime: number;
  readonly serverTime: number | undefined;
}

/** All that was measured of one entrant in one case. */
export interface Measured {
  readonly entrant: Entrant;
  readonly rounds: readonly Round[];
  /** The latencies of all rounds together. */
  readonly latencies: Histogram;
}

/** Operations a second. */
export function rateOf({ operations, milliseconds }: Work): number {
  return (operations * 1000) / milliseconds;
}
