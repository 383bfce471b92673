import type { Histogram } from '../statistics.js';
import type { Contender, Work } from '../workloads/contender.js';

/** One round as its own process sees it. */
export interface MeasuredRound {
  readonly work: Work;
  /** Processor time of this process, ns. */
  readonly clientTime: number;
}

/** Prepare, measure and verify. @throws {WrongDataError} when what was measured was wrong. */
export async function measureRound(
  contender: Contender,
  milliseconds: number,
  latencies: Histogram,
): Promise<MeasuredRound> {
  await contender.prepare?.();
  const before = process.cpuUsage();
  const work = await contender.measure(milliseconds, latencies);
  const { user, system } = process.cpuUsage(before);
  await contender.verify?.();
  return { work, clientTime: (user + system) * 1000 };
}
