import { BenchError } from '../errors.js';
import { createHistogram, type Histogram, percentileOf } from '../statistics.js';
import { processorTime } from '../targets/processor-time.js';
import type { Entrant, Measured, Round } from './measured.js';

/** What a measurement may take beyond its time before it counts as stuck, ms. */
const PATIENCE_MS = 60_000;

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
  onMeasurement(entrant: Entrant, round: number): void;
}

/**
 * Measure all entrants by turns, so that whatever the machine does meanwhile meets them alike. The
 * first round warms up and does not count.
 */
export async function runRounds(
  entrants: readonly Entrant[],
  settings: RoundSettings,
): Promise<readonly Measured[]> {
  const measured = entrants.map((entrant) => ({
    entrant,
    rounds: [] as Round[],
    latencies: createHistogram(),
  }));
  const histogram = createHistogram();
  for (let round = 0; round <= settings.rounds; round++) {
    for (const { entrant, rounds, latencies } of measured) {
      settings.onMeasurement(entrant, round);
      histogram.reset();
      const isWarmUp = round === 0 && entrant.role === 'transport';
      const milliseconds = isWarmUp ? settings.warmUpMilliseconds : settings.milliseconds;
      const result = await patiently(entrant, settings, () =>
        runRound(entrant, milliseconds, histogram),
      );
      if (round === 0) continue;
      rounds.push(result);
      latencies.add(histogram);
    }
  }
  return measured;
}

async function runRound(
  entrant: Entrant,
  milliseconds: number,
  histogram: Histogram,
): Promise<Round> {
  const { pid } = entrant;
  const before = pid === undefined ? undefined : processorTime(pid);
  const { work, clientTime } = await entrant.measure(milliseconds, histogram);
  const after = pid === undefined ? undefined : processorTime(pid);
  return {
    ...work,
    p50: histogram.totalCount > 0 ? percentileOf(histogram, 50) : undefined,
    clientTime,
    serverTime: before && after && after - before,
  };
}

/** Gives up when the run is ended, or when a server does not answer. */
async function patiently<T>(
  { name }: Entrant,
  { milliseconds, signal }: RoundSettings,
  work: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  let timer: NodeJS.Timeout | undefined;
  let onAbort = (): void => {};
  const givenUp = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort);
    const patience = milliseconds + PATIENCE_MS;
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
