import { type Histogram, recordNanoseconds } from '../statistics.js';

/** What was done in one round. */
export interface WorkDone {
  readonly operations: number;
  /** How long it took, ms: rates follow from it. */
  readonly milliseconds: number;
}

/** Runs one case of a workload, or its floor, in this process: once a round. */
export interface CaseRunner {
  /** Set up a round; not measured. */
  prepare?(): Promise<void> | void;
  /** Run for about `milliseconds`, and record how long each operation took where that is seen. */
  measure(milliseconds: number, latencies: Histogram): Promise<WorkDone> | WorkDone;
  /** Check what the round did; not measured. @throws {WrongDataError} */
  verify?(): Promise<void> | void;
  close?(): Promise<void> | void;
}

/** What takes turns in the rounds of a case: a transport, or a floor. Its work may be done by another process. */
export interface Contender {
  readonly name: string;
  readonly role: 'transport' | 'floor';
  /** Process whose time counts as the server's. */
  readonly pid: number | undefined;
  /** The floor that it is held against. */
  readonly floor?: Contender | undefined;
  /** Prepare, measure for about `milliseconds`, record, and verify. */
  measure(milliseconds: number, latencies: Histogram): Promise<RoundResult>;
  close?(): Promise<void> | void;
}

/** One round of one contender. */
export interface Round extends WorkDone {
  /** Median time of an operation, ns; `undefined` where single operations are not seen. */
  readonly p50: number | undefined;
  /** Processor time, ns. */
  readonly clientTime: number;
  readonly serverTime: number | undefined;
}

/** All that was measured of one contender in one case. */
export interface ContenderRounds {
  readonly contender: Contender;
  readonly rounds: readonly Round[];
  /** The latencies of all rounds together. */
  readonly latencies: Histogram;
}

/** Operations a second. */
export function rateOf({ operations, milliseconds }: WorkDone): number {
  return (operations * 1000) / milliseconds;
}

/** One round as its own process sees it. */
export interface RoundResult {
  readonly work: WorkDone;
  /** Processor time of this process, ns. */
  readonly clientTime: number;
}

/** Prepare, measure and verify. @throws {WrongDataError} */
export async function measureRound(
  runner: CaseRunner,
  milliseconds: number,
  latencies: Histogram,
): Promise<RoundResult> {
  await runner.prepare?.();
  const before = process.cpuUsage();
  const work = await runner.measure(milliseconds, latencies);
  const { user, system } = process.cpuUsage(before);
  await runner.verify?.();
  return { work, clientTime: (user + system) * 1000 };
}

/**
 * A contender whose rounds have a fixed number of operations, whatever time is asked for.
 * @param measure the times of single operations, ns.
 * @param depth operations in flight: with the times it gives the rate.
 */
export function sampled(
  name: string,
  measure: () => ArrayLike<number> | Promise<ArrayLike<number>>,
  depth = 1,
): Contender {
  return {
    name,
    role: 'transport',
    pid: undefined,
    async measure(_milliseconds, latencies) {
      const nanoseconds = await measure();
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
