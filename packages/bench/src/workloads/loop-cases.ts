import type { CaseRunner } from '../engine/contender.js';
import { closedLoop, openLoop } from '../engine/loops.js';
import type { Quantity, WorkloadCase, WorkloadName, WorkloadSettings } from './workload.js';

/** The case of a workload that has no others: one operation after the other. */
export function onlyCase(workload: WorkloadName, quantity: Quantity): readonly WorkloadCase[] {
  return [{ workload, id: workload, title: '', quantity, loop: 'closed', depth: 1 }];
}

/** The two cases of a workload of single operations: one after the other, and at a fixed rate. */
export function loopCases(workload: WorkloadName): readonly WorkloadCase[] {
  return (['closed', 'open'] as const).map((loop) => ({
    workload,
    id: `${workload}/${loop}`,
    title: loop === 'closed' ? 'closed loop' : 'open loop',
    quantity: 'latency',
    loop,
    depth: 1,
  }));
}

/** An operation in the loop of its case. */
export function looped(
  { loop }: WorkloadCase,
  { rate }: WorkloadSettings,
  operation: () => Promise<void>,
): CaseRunner['measure'] {
  return (milliseconds, latencies) =>
    loop === 'open'
      ? openLoop(milliseconds, latencies, { rate, operation })
      : closedLoop(milliseconds, latencies, operation);
}
