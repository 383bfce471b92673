import type { Rounds } from './rounds.js';
import type { Comparison, Contender, Measurement, Quantity, Row } from './row.js';
import { quantile, type Statistics, statisticsOf } from './statistics.js';

/** A contender over all rounds: the median round by each of the figures. */
export interface ContenderResult extends Statistics {
  readonly name: string;
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

export function resultOf(row: Row, rounds: Rounds): RowResult {
  const statistics = new Map<Contender, readonly Statistics[]>();
  for (const [contender, measurements] of rounds) {
    statistics.set(contender, measurements.map(summarize));
  }
  const of = (contender: Contender): readonly Statistics[] => statistics.get(contender) ?? [];
  return {
    name: row.name,
    what: row.what,
    rounds: Math.max(...[...statistics.values()].map((each) => each.length)),
    contenders: row.contenders.map((each) => medianRound(each.name, of(each))),
    comparisons: row.comparisons.map((each) => compare(each, of(each.subject), of(each.floor))),
  };
}

const figures: Readonly<Record<Quantity, (round: Statistics) => number>> = {
  time: ({ p50 }) => p50,
  speed: ({ p50 }) => 1 / p50,
  rate: ({ perSecond }) => perSecond,
};

function summarize({ nanoseconds, depth }: Measurement): Statistics {
  return statisticsOf(nanoseconds, depth);
}

function medianRound(name: string, rounds: readonly Statistics[]): ContenderResult {
  const median = (figure: keyof Statistics): number =>
    quantile(sorted(rounds.map((round) => round[figure])), 0.5);
  return { name, p50: median('p50'), p99: median('p99'), perSecond: median('perSecond') };
}

function compare(
  { subject, floor, quantity, target }: Comparison,
  ofSubject: readonly Statistics[],
  ofFloor: readonly Statistics[],
): ComparisonResult {
  const figure = figures[quantity];
  const ratios = sorted(
    // Both were measured in every round.
    ofSubject.map((round, index) => figure(round) / figure(ofFloor[index] as Statistics)),
  );
  const ratio = quantile(ratios, 0.5);
  return {
    subject: subject.name,
    floor: floor.name,
    quantity,
    ratio,
    lowest: quantile(ratios, 0),
    highest: quantile(ratios, 1),
    ...(target !== undefined && {
      target,
      met: quantity === 'time' ? ratio <= target : ratio >= target,
    }),
  };
}

function sorted(values: readonly number[]): readonly number[] {
  return values.toSorted((a, b) => a - b);
}
