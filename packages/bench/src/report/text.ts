import { describeRun } from './run-text.js';
import type { Report } from './schema.js';
import { summaryOf } from './summary.js';
import { type Table, tablesOf } from './tables.js';

const LEGEND = `x floor: how many times as long as the floor in parentheses above it takes; the median of the
rounds. cpu: processor time of an operation. -: not seen, or nothing to compare with. ~: so few
samples that chance decides.`;

/** A report for a terminal. */
export function reportText(report: Report): string {
  const { sentences, warnings, table } = summaryOf(report);
  const parts = [
    [...sentences, ...warnings.map((warning) => `Warning: ${warning}`)].join('\n'),
    tableText(table),
    describeRun(report).join('\n'),
    ...tablesOf(report).map(tableText),
  ];
  return `${[...parts, ...leftOutText(report), LEGEND].join('\n\n')}\n`;
}

/** A table with its heading. Columns but the first ones are to the right. */
export function tableText({ title, what, head, rows }: Table): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  const names = head.indexOf('');
  const text = lines.map((line) => {
    const cells = line.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column <= names ? cell.padEnd(width) : cell.padStart(width);
    });
    return `  ${cells.join('  ').trimEnd()}`;
  });
  return [`${title}: ${what}`, ...text].join('\n');
}

function leftOutText({ leftOut }: Report): readonly string[] {
  if (leftOut.length === 0) return [];
  const lines = leftOut.map(({ target, test, reason }) =>
    test === undefined ? `  ${target}: ${reason}` : `  ${test} on ${target}: ${reason}`,
  );
  return [['Not measured:', ...lines].join('\n')];
}
