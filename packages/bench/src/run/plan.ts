import type { TargetOptions } from '../targets/find-targets.js';
import { allWorkloads } from '../workloads/all-workloads.js';
import type { Workload, WorkloadCase, WorkloadName } from '../workloads/workload.js';

/** What a run is asked for, checked. */
export interface RunOptions extends TargetOptions {
  readonly workloads: readonly WorkloadName[];
  readonly sizes: readonly number[];
  readonly depths: readonly number[];
  /** About how long the run may take, ms. */
  readonly duration: number;
  readonly rounds: number;
  /** Operations a second of open loops. */
  readonly rate: number;
  /** Workloads may overwrite what a server elsewhere stores. */
  readonly overwrite: boolean;
}

/** Single operations are rare enough that their tail needs more time than a rate. */
const LATENCY_WEIGHT = 4;

/** A workload of a run, and its cases. */
export interface PlannedWorkload {
  readonly workload: Workload;
  readonly cases: readonly WorkloadCase[];
}

export function planOf(options: RunOptions): readonly PlannedWorkload[] {
  return allWorkloads
    .filter(({ name }) => options.workloads.includes(name))
    .map((workload) => ({ workload, cases: workload.cases(options) }));
}

/** Relative share of a run's time. */
export function weightOf({ quantity, blockBytes, workload }: WorkloadCase): number {
  const isSmall = blockBytes === undefined || !workload.startsWith('dma');
  return quantity === 'latency' && isSmall ? LATENCY_WEIGHT : 1;
}
