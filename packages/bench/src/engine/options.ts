import type { TestName } from '../workloads/test-case.js';

/** What a run is asked for, checked. */
export interface RunOptions {
  /** Empty: all usual ones, unless there are `connect`. */
  readonly transports: readonly string[];
  /** Servers elsewhere. */
  readonly connect: readonly string[];
  /** An echo server beside those. */
  readonly echo: string | undefined;
  readonly tests: readonly TestName[];
  readonly sizes: readonly number[];
  readonly depths: readonly number[];
  /** About how long the run may take, ms. */
  readonly duration: number;
  readonly rounds: number;
  /** Operations a second of open loops. */
  readonly rate: number;
  /** Tests may change what a server elsewhere keeps. */
  readonly overwrite: boolean;
}
