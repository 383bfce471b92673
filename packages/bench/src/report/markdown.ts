import type { Report } from './report.js';
import { describeRun, leftOutLines } from './run-description.js';
import { SUMMARY_HEADING, summaryOf } from './summary.js';
import { type Table, tablesOf } from './tables.js';

const READING = `## How to read it

- A _contender_ is a transport: a device behind it in a process of its own, and a client. The device's code is the same for
  all. In parentheses are the _floors_: the same bytes sent there and back over a plain socket between two processes with
  blocking system calls, or copied within memory where the device reaches guest memory without messages. TLS, WebSocket and
  RDMA are held against a plain TCP socket.
- All of them take turns: A B C A B C. The first round warms up and does not count. _p50 of rounds_ and _of rounds_ are the
  lowest and the highest round: two figures whose ranges overlap do not differ.
- _x floor_ and the column beside it are times of an operation divided by those of the floor and of the first transport,
  round by round; the table has the median. 2.00 is twice as long, for rates as well. Below 1 is possible: small messages
  that nobody waits for are sent together, which the floor does not do.
- _Closed loop_: an operation starts when the one before has ended. _Open loop_: operations start at a fixed rate, and a
  latency counts from when its operation was due. A hold-up therefore shows in all operations that it delays, as it would
  for whoever waits for them, and not just in one.
- _cpu_ is the processor time of both processes divided by the operations, waiting actively included. In open loops the client
  waits actively. Of single DMA blocks, the register accesses that start them are most of it.
- DMA tests compare a checksum of what went to the device and came back in every round, NVMe tests the content of blocks, the
  others count on both sides. Wrong data ends the run.
- A block of more than 1 MiB takes several transfers, as many at once as the depth says.
- A _~_ before a percentile: fewer than ten samples are beyond it, so that chance decides.
- Look at the load: on a machine that does something else, only medians and ratios mean anything.
`;

/** A report as a document. */
export function reportMarkdown(report: Report): string {
  const run = describeRun(report).map((line) => `- ${line}`);
  const { sentences, warnings, table } = summaryOf(report);
  const parts = [
    '# Benchmarks',
    'Written by `vfio-user bench --markdown`. Figures of one machine on one day; run it on yours.',
    `## ${SUMMARY_HEADING}`,
    [...sentences, ...warnings.map((text) => `**Warning:** ${text}`)]
      .map((text) => `- ${text}`)
      .join('\n'),
    tableMarkdown(table),
    '## The run',
    run.join('\n'),
    READING.trim(),
    '## Figures',
    ...tablesOf(report).map(sectionMarkdown),
  ];
  const leftOut = leftOutLines(report).map((line) => `- ${line}`);
  if (leftOut.length > 0) parts.push(`## Not measured\n\n${leftOut.join('\n')}`);
  return `${parts.join('\n\n')}\n`;
}

function sectionMarkdown(table: Table): string {
  const { title, what } = table;
  return `### ${title}\n\n${what.charAt(0).toUpperCase()}${what.slice(1)}.\n\n${tableMarkdown(table)}`;
}

function tableMarkdown({ head, rows }: Table): string {
  const names = head.indexOf('');
  const rule = head.map((_, column) => (column <= names ? '---' : '--:'));
  const lines = [head, rule, ...rows].map((cells) => `| ${cells.map(escapeCell).join(' | ')} |`);
  return lines.join('\n');
}

function escapeCell(cell: string): string {
  return cell.replaceAll('|', '\\|');
}
