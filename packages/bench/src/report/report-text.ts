import { textTable } from '@vfio-user/core/internal';
import type { Report } from './report.js';
import { describeRun, leftOutLines } from './run-description.js';
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
  const leftOut = leftOutLines(report).map((line) => `\n  ${line}`);
  if (leftOut.length > 0) parts.push(`Not measured:${leftOut.join('')}`);
  return `${[...parts, LEGEND].join('\n\n')}\n`;
}

/** A table below its heading. The columns of names are on the left, figures on the right. */
export function tableText({ title, what, head, rows }: Table): string {
  const left = head.indexOf('') + 1;
  return `${title}: ${what}\n${textTable(head, rows, { left, indent: 2 })}`;
}
