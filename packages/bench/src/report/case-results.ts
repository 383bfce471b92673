import { type ContenderRounds, type Round, rateOf } from '../engine/contender.js';
import { encodeHistogram, percentileOf, ratioOf, spreadOf } from '../statistics.js';
import type { Quantity, WorkloadCase } from '../workloads/workload.js';
import type { Result } from './report.js';

/** The results of a case, one for each contender; transports are compared with `firstTarget`. */
export function resultsOf(outcome: CaseOutcome, firstTarget: string): readonly Result[] {
  const { measured } = outcome;
  const first = measured.find(
    ({ contender: { role, name } }) => role === 'transport' && name === firstTarget,
  );
  return measured.map((each) => resultOf(outcome, each, first));
}

function resultOf(
  { workloadCase, milliseconds, measured }: CaseOutcome,
  own: ContenderRounds,
  first: ContenderRounds | undefined,
): Result {
  const { workload, id, title, quantity, loop, depth, blockBytes } = workloadCase;
  const { contender, rounds } = own;
  const perSecond = spreadOf(rounds.map(rateOf));
  const floor = measured.find((each) => each.contender === contender.floor);
  const toFloor = floor && ratio(quantity, own, floor);
  const toFirst =
    first !== undefined && contender.role === 'transport' ? ratio(quantity, own, first) : undefined;
  return {
    test: workload,
    case: id,
    title,
    quantity,
    loop,
    depth,
    ...(blockBytes !== undefined && { blockBytes }),
    contender: contender.name,
    role: contender.role,
    rounds: rounds.length,
    milliseconds,
    operations: sum(rounds, ({ operations }) => operations),
    ...latencyOf(own),
    perSecond,
    ...(blockBytes !== undefined && {
      bytesPerSecond: spreadOf(rounds.map((round) => rateOf(round) * blockBytes)),
    }),
    cpu: cpuOf(rounds),
    ...(floor && toFloor && { toFloor: { ...toFloor, floor: floor.contender.name } }),
    ...(toFirst && { toFirst }),
  };
}

function latencyOf({ latencies, rounds }: ContenderRounds): Pick<Result, 'latency'> {
  if (latencies.totalCount === 0) return {};
  return {
    latency: {
      min: latencies.minNonZeroValue,
      p50: percentileOf(latencies, 50),
      p99: percentileOf(latencies, 99),
      p999: percentileOf(latencies, 99.9),
      max: latencies.maxValue,
      rounds: spreadOf(rounds.flatMap(({ p50 }) => p50 ?? [])),
      histogram: encodeHistogram(latencies),
    },
  };
}

function cpuOf(rounds: readonly Round[]): Result['cpu'] {
  const operations = sum(rounds, (round) => round.operations);
  const client = sum(rounds, ({ clientTime }) => clientTime) / operations;
  const isKnown = rounds.every(({ serverTime }) => serverTime !== undefined);
  if (!isKnown) return { client };
  return { client, server: sum(rounds, ({ serverTime = 0 }) => serverTime) / operations };
}

/** How many times as long an operation takes. */
function ratio(quantity: Quantity, own: ContenderRounds, reference: ContenderRounds) {
  const times = ({ rounds }: ContenderRounds): readonly number[] =>
    rounds.map((round) => (quantity === 'latency' ? (round.p50 ?? Number.NaN) : 1 / rateOf(round)));
  return ratioOf(times(own), times(reference));
}

function sum(rounds: readonly Round[], figure: (round: Round) => number): number {
  return rounds.reduce((total, round) => total + figure(round), 0);
}

/** Everything measured in one case. */
export interface CaseOutcome {
  readonly workloadCase: WorkloadCase;
  /** Time of each measurement, ms. */
  readonly milliseconds: number;
  readonly measured: readonly ContenderRounds[];
}
