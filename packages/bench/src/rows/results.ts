import { type Entrant, type Measured, type Round, rateOf } from '../engine/measured.js';
import { percentileOf, ratioOf, spreadOf } from '../statistics.js';
import type { Comparison, Quantity, Row } from './row.js';

/** A contender over all rounds: the median round; of all samples together the 99th percentile. */
export interface ContenderResult {
  readonly name: string;
  /** Nanoseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
}

/** A comparison over all rounds; every ratio is of one round. */
export interface ComparisonResult {
  readonly subject: string;
  readonly floor: string;
  readonly quantity: Quantity;
  readonly ratio: number;
  readonly lowest: number;
  readonly highest: number;
  readonly target?: number;
  readonly met?: boolean;
}

/** What is printed and written as JSON. */
export interface RowResult {
  readonly name: string;
  readonly what: string;
  readonly rounds: number;
  readonly contenders: readonly ContenderResult[];
  readonly comparisons: readonly ComparisonResult[];
}

/** @throws {RangeError} when nothing was measured. */
export function resultOf(row: Row, measured: readonly Measured[]): RowResult {
  const roundsOf = (entrant: Entrant): readonly Round[] =>
    measured.find((each) => each.entrant === entrant)?.rounds ?? [];
  return {
    name: row.name,
    what: row.what,
    rounds: Math.max(...measured.map(({ rounds }) => rounds.length)),
    contenders: measured.map(({ entrant: { name }, rounds, latencies }) => ({
      name,
      p50: spreadOf(rounds.map(timeOf)).median,
      p99: percentileOf(latencies, 99),
      perSecond: spreadOf(rounds.map(rateOf)).median,
    })),
    comparisons: row.comparisons.map((each) =>
      compare(each, roundsOf(each.subject), roundsOf(each.floor)),
    ),
  };
}

const figures: Readonly<Record<Quantity, (round: Round) => number>> = {
  time: timeOf,
  speed: (round) => 1 / timeOf(round),
  rate: rateOf,
};

function timeOf({ p50 = Number.NaN }: Round): number {
  return p50;
}

function compare(
  { subject, floor, quantity, target }: Comparison,
  ofSubject: readonly Round[],
  ofFloor: readonly Round[],
): ComparisonResult {
  const figure = figures[quantity];
  const ratio = ratioOf(ofSubject.map(figure), ofFloor.map(figure));
  if (ratio === undefined) throw new RangeError(`${subject.name}: nothing to compare was measured`);
  const { median, lowest, highest } = ratio;
  return {
    subject: subject.name,
    floor: floor.name,
    quantity,
    ratio: median,
    lowest,
    highest,
    ...(target !== undefined && {
      target,
      met: quantity === 'time' ? median <= target : median >= target,
    }),
  };
}
