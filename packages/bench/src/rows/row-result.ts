import { textTable } from '@vfio-user/core/internal';
import { type Contender, type ContenderRounds, type Round, rateOf } from '../engine/contender.js';
import type { describeMachine } from '../report/run-description.js';
import { percentileOf, ratioOf, spreadOf } from '../statistics.js';
import type { ComparedQuantity, Comparison, Row } from './row.js';

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
  readonly quantity: ComparedQuantity;
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
  readonly notes: readonly string[];
}

/** @throws {RangeError} when nothing was measured. */
export function resultOf(row: Row, measured: readonly ContenderRounds[]): RowResult {
  const roundsOf = (contender: Contender): readonly Round[] =>
    measured.find((each) => each.contender === contender)?.rounds ?? [];
  return {
    name: row.name,
    what: row.what,
    rounds: Math.max(...measured.map(({ rounds }) => rounds.length)),
    contenders: measured.map(({ contender: { name }, rounds, latencies }) => ({
      name,
      p50: spreadOf(rounds.map(timeOf)).median,
      p99: percentileOf(latencies, 99),
      perSecond: spreadOf(rounds.map(rateOf)).median,
    })),
    comparisons: row.comparisons.map((each) =>
      compare(each, roundsOf(each.subject), roundsOf(each.floor)),
    ),
    notes: row.notes ?? [],
  };
}

const figures: Readonly<Record<ComparedQuantity, (round: Round) => number>> = {
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

/** Where the figures are from: without it they mean nothing. */
export interface Machine extends ReturnType<typeof describeMachine> {
  readonly node: string;
  /** Of the last minute, before the measurements. Above the number of processors: do not trust them. */
  readonly load: number;
}

export function machineText(machine: Machine): string {
  const { processor, processors, kernel, node, load } = machine;
  return `${processors} x ${processor}, ${kernel}, Node ${node}, load ${load}\n`;
}

const TABLE = { left: 1, indent: 2 } as const;

/** A row as two tables: what was measured, and what follows from it. */
export function rowText(result: RowResult): string {
  const { name, what, rounds, contenders, comparisons, notes } = result;
  const measured = textTable(
    ['', 'p50', 'p99', 'per second'],
    contenders.map(contenderCells),
    TABLE,
  );
  const compared = textTable(
    ['ratio', '', 'spread', 'wanted', ''],
    comparisons.map(comparisonCells),
    TABLE,
  );
  const besides = notes.map((note) => `  ${note}\n`).join('');
  return `\n${name}: ${what} ${rounds} rounds.\n${measured}\n\n${compared}\n${besides}`;
}

function contenderCells({ name, p50, p99, perSecond }: ContenderResult): readonly string[] {
  return [name, microseconds(p50), microseconds(p99), Math.round(perSecond).toString()];
}

function comparisonCells(result: ComparisonResult): readonly string[] {
  const { subject, floor, quantity, ratio, lowest, highest, target, met } = result;
  return [
    `${quantity} of ${subject} / ${floor}`,
    ratio.toFixed(2),
    `${lowest.toFixed(2)}..${highest.toFixed(2)}`,
    target === undefined ? '' : `${quantity === 'time' ? '<=' : '>='} ${target}`,
    met === undefined ? '' : met ? 'met' : 'missed',
  ];
}

function microseconds(nanoseconds: number): string {
  return `${(nanoseconds / 1000).toFixed(2)} us`;
}
