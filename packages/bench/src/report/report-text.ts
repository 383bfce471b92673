import { textTable } from '@vfio-user/core/internal';
import type { Report } from './report.js';
import { describeRun } from './run-description.js';
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

/** A table below its heading. The columns of names are on the left, figures on the right. */
export function tableText({ title, what, head, rows }: Table): string {
  const left = head.indexOf('') + 1;
  return `${title}: ${what}\n${textTable(head, rows, { left, indent: 2 })}`;
}

function leftOutText({ leftOut }: Report): readonly string[] {
  if (leftOut.length === 0) return [];
  const lines = leftOut.map(({ target, test, reason }) =>
    test === undefined ? `  ${target}: ${reason}` : `  ${test} on ${target}: ${reason}`,
  );
  return [['Not measured:', ...lines].join('\n')];
}
