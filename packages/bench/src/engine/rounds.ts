import { readdirSync, readFileSync } from 'node:fs';
import { BenchError } from '../errors.js';
import { createHistogram, type Histogram, percentileOf } from '../statistics.js';
import type { Contender, ContenderRounds, Round } from './contender.js';

/** Time beyond its own after which a measurement fails, ms. */
const GRACE_MS = 60_000;

/** How the rounds of a case are run. */
export interface RoundSettings {
  /** Rounds that count, after one that does not. */
  readonly rounds: number;
  /** Of each measurement. */
  readonly milliseconds: number;
  /** Of a transport's first one, which warms up: compilers need longer than a short measurement. */
  readonly warmUpMilliseconds: number;
  readonly signal: AbortSignal;
  /** Called before each measurement; round 0 warms up. */
  onMeasurement(contender: Contender, round: number): void;
}

/**
 * Measure all contenders by turns, so that whatever the machine does meanwhile meets them alike. The
 * first round warms up and does not count.
 */
export async function runRounds(
  contenders: readonly Contender[],
  settings: RoundSettings,
): Promise<readonly ContenderRounds[]> {
  const measured = contenders.map((contender) => ({
    contender,
    rounds: [] as Round[],
    latencies: createHistogram(),
  }));
  const histogram = createHistogram();
  for (let round = 0; round <= settings.rounds; round++) {
    for (const { contender, rounds, latencies } of measured) {
      settings.onMeasurement(contender, round);
      histogram.reset();
      const isWarmUp = round === 0 && contender.role === 'transport';
      const milliseconds = isWarmUp ? settings.warmUpMilliseconds : settings.milliseconds;
      const result = await withDeadline(contender, settings, () =>
        runRound(contender, milliseconds, histogram),
      );
      if (round === 0) continue;
      rounds.push(result);
      latencies.add(histogram);
    }
  }
  return measured;
}

async function runRound(
  contender: Contender,
  milliseconds: number,
  histogram: Histogram,
): Promise<Round> {
  const { pid } = contender;
  const before = pid === undefined ? undefined : processorTime(pid);
  const { work, clientTime } = await contender.measure(milliseconds, histogram);
  const after = pid === undefined ? undefined : processorTime(pid);
  return {
    ...work,
    p50: histogram.totalCount > 0 ? percentileOf(histogram, 50) : undefined,
    clientTime,
    serverTime: before && after && after - before,
  };
}

/** Rejects when the run is aborted, or when the work takes too long. */
async function withDeadline<T>(
  { name }: Contender,
  { milliseconds, signal }: RoundSettings,
  work: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  let timer: NodeJS.Timeout | undefined;
  let onAbort = (): void => {};
  const givenUp = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort);
    const patience = milliseconds + GRACE_MS;
    const stuck = new BenchError(`${name} did not end within ${Math.round(patience / 1000)} s`);
    timer = setTimeout(() => reject(stuck), patience);
  });
  try {
    return await Promise.race([work(), givenUp]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** Processor time of a process so far, nanoseconds; `undefined` where the kernel does not say. */
function processorTime(pid: number): number | undefined {
  try {
    const folder = `/proc/${pid}/task`;
    let total = 0;
    for (const task of readdirSync(folder)) {
      total += Number(readFileSync(`${folder}/${task}/schedstat`, 'utf8').split(' ', 1)[0]);
    }
    return total;
  } catch {
    return undefined;
  }
}
