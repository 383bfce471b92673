import { type Measured, type Round, rateOf } from '../engine/measured.js';
import type { CaseOutcome } from '../engine/run-bench.js';
import { encodeHistogram, percentileOf, ratioOf, spreadOf } from '../statistics.js';
import type { Quantity } from '../workloads/test-case.js';
import type { Result } from './schema.js';

/** What a case tells of each contender; `firstTarget` is what transports are held against. */
export function resultsOf(outcome: CaseOutcome, firstTarget: string): readonly Result[] {
  const { measured } = outcome;
  const first = measured.find(
    ({ entrant: { role, name } }) => role === 'transport' && name === firstTarget,
  );
  return measured.map((each) => resultOf(outcome, each, first));
}

function resultOf(
  { testCase, milliseconds, measured }: CaseOutcome,
  own: Measured,
  first: Measured | undefined,
): Result {
  const { test, id, title, quantity, loop, depth, blockBytes } = testCase;
  const { entrant, rounds } = own;
  const perSecond = spreadOf(rounds.map(rateOf));
  const floor = measured.find((each) => each.entrant === entrant.floor);
  const toFloor = floor && ratio(quantity, own, floor);
  const toFirst =
    first !== undefined && entrant.role === 'transport' ? ratio(quantity, own, first) : undefined;
  return {
    test,
    case: id,
    title,
    quantity,
    loop,
    depth,
    ...(blockBytes !== undefined && { blockBytes }),
    contender: entrant.name,
    role: entrant.role,
    rounds: rounds.length,
    milliseconds,
    operations: sum(rounds, ({ operations }) => operations),
    ...latencyOf(own),
    perSecond,
    ...(blockBytes !== undefined && {
      bytesPerSecond: spreadOf(rounds.map((round) => rateOf(round) * blockBytes)),
    }),
    cpu: cpuOf(rounds),
    ...(floor && toFloor && { toFloor: { ...toFloor, floor: floor.entrant.name } }),
    ...(toFirst && { toFirst }),
  };
}

function latencyOf({ latencies, rounds }: Measured): Pick<Result, 'latency'> {
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
function ratio(quantity: Quantity, own: Measured, reference: Measured) {
  const times = ({ rounds }: Measured): readonly number[] =>
    rounds.map((round) => (quantity === 'latency' ? (round.p50 ?? Number.NaN) : 1 / rateOf(round)));
  return ratioOf(times(own), times(reference));
}

function sum(rounds: readonly Round[], figure: (round: Round) => number): number {
  return rounds.reduce((total, round) => total + figure(round), 0);
}
