import type { describeMachine } from '../report/machine.js';
import type { ComparisonResult, ContenderResult, RowResult } from './results.js';

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

/** A row as two tables: what was measured, and what follows from it. */
export function rowText({ name, what, rounds, contenders, comparisons }: RowResult): string {
  const measured = table(['', 'p50', 'p99', 'per second'], contenders.map(contenderCells));
  const compared = table(['ratio', '', 'spread', 'wanted', ''], comparisons.map(comparisonCells));
  return `\n${name}: ${what} ${rounds} rounds.\n${measured}\n${compared}`;
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

/** The first column to the left, the others to the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  const padded = (line: readonly string[]): string =>
    line
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd();
  return `${lines.map((line) => `  ${padded(line)}`).join('\n')}\n`;
}
