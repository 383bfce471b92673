import type { Report, Result } from './report.js';

type Cell = string | number | undefined;

/** Times in nanoseconds, everything else in operations or bytes a second. */
const columns: readonly (readonly [string, (result: Result) => Cell])[] = [
  ['test', ({ test }) => test],
  ['case', (result) => result.case],
  ['contender', ({ contender }) => contender],
  ['role', ({ role }) => role],
  ['loop', ({ loop }) => loop],
  ['depth', ({ depth }) => depth],
  ['block_bytes', ({ blockBytes }) => blockBytes],
  ['rounds', ({ rounds }) => rounds],
  ['operations', ({ operations }) => operations],
  ['min_ns', ({ latency }) => latency?.min],
  ['p50_ns', ({ latency }) => latency?.p50],
  ['p99_ns', ({ latency }) => latency?.p99],
  ['p999_ns', ({ latency }) => latency?.p999],
  ['max_ns', ({ latency }) => latency?.max],
  ['p50_lowest_ns', ({ latency }) => latency?.rounds.lowest],
  ['p50_highest_ns', ({ latency }) => latency?.rounds.highest],
  ['per_second', ({ perSecond }) => perSecond.median],
  ['per_second_lowest', ({ perSecond }) => perSecond.lowest],
  ['per_second_highest', ({ perSecond }) => perSecond.highest],
  ['bytes_per_second', ({ bytesPerSecond }) => bytesPerSecond?.median],
  ['cpu_client_ns', ({ cpu }) => cpu.client],
  ['cpu_server_ns', ({ cpu }) => cpu.server],
  ['floor', ({ toFloor }) => toFloor?.floor],
  ['to_floor', ({ toFloor }) => toFloor?.median],
  ['to_first', ({ toFirst }) => toFirst?.median],
];

/** A report for spreadsheets (RFC 4180). */
export function reportCsv({ results }: Report): string {
  const lines = [
    columns.map(([name]) => name),
    ...results.map((result) => columns.map(([, cell]) => cellText(cell(result)))),
  ];
  return lines.map((line) => `${line.join(',')}\r\n`).join('');
}

function cellText(cell: Cell): string {
  if (cell === undefined) return '';
  const text = typeof cell === 'number' ? String(Math.round(cell * 1000) / 1000) : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
