import { countText, digits, rangeText, timeText } from '../figures.js';
import type { Spread } from '../statistics.js';
import type { NamedReport, Report, Result } from './report.js';
import type { Table } from './tables.js';

/** What runs are compared by: median time of an operation, or operations a second. */
interface Figure {
  readonly value: number;
  readonly rounds: Spread;
}

/** For each test, the figures of several runs side by side, held against the first run. */
export function compareTables(reports: readonly NamedReport[]): readonly Table[] {
  const [first] = reports;
  if (first === undefined) return [];
  return first.report.tests.flatMap(({ name, what }) =>
    (['latency', 'rate'] as const).flatMap((quantity) => {
      const rows = first.report.results
        .filter((each) => each.test === name && each.quantity === quantity)
        .flatMap((result) => rowOf(result, reports));
      if (rows.length === 0) return [];
      const [, ...others] = reports;
      const head = ['case', '', first.name, ...others.flatMap((run) => [run.name, 'x first', ''])];
      const title = quantity === 'latency' ? `${name}, p50` : `${name}, per second`;
      return [{ title, what, head, rows }];
    }),
  );
}

/** No row for what only the first run has. */
function rowOf(
  result: Result,
  [, ...others]: readonly NamedReport[],
): readonly (readonly string[])[] {
  const own = figureOf(result);
  const theirs = others.map(({ report }) => sameIn(report, result));
  if (own === undefined || theirs.every((other) => other === undefined)) return [];
  const text = result.quantity === 'latency' ? timeText : countText;
  const cells = theirs.flatMap((other) => {
    const figure = other && figureOf(other);
    if (figure === undefined) return ['-', '-', ''];
    return [cellText(figure, text), ...verdict(result, own, figure)];
  });
  const who = result.role === 'floor' ? `(${result.contender})` : result.contender;
  return [[result.title, who, cellText(own, text), ...cells]];
}

function sameIn(report: Report, { case: id, contender }: Result): Result | undefined {
  return report.results.find((each) => each.case === id && each.contender === contender);
}

function figureOf({ quantity, latency, perSecond }: Result): Figure | undefined {
  if (quantity === 'rate') return { value: perSecond.median, rounds: perSecond };
  return latency && { value: latency.p50, rounds: latency.rounds };
}

function cellText({ value, rounds }: Figure, text: (value: number) => string): string {
  return `${text(value)} (${rangeText(rounds, text)})`;
}

/** How many times as long it takes, and whether that is more than the rounds differ anyway. */
function verdict({ quantity }: Result, before: Figure, after: Figure): readonly [string, string] {
  const isTime = quantity === 'latency';
  const ratio = isTime ? after.value / before.value : before.value / after.value;
  const overlap =
    after.rounds.lowest <= before.rounds.highest && before.rounds.lowest <= after.rounds.highest;
  return [digits(ratio), overlap ? '' : ratio > 1 ? 'slower' : 'faster'];
}
