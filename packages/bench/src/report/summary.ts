import {
  byteRateText,
  countText,
  digits,
  hasTooFewSamples,
  ratioText,
  timeText,
} from '../figures.js';
import type { Report, Result } from './report.js';
import type { Table } from './tables.js';

/** Above a summary. */
export const SUMMARY_HEADING = 'Which transport?';

/** Which transport to take, for a reader who reads no further. */
export interface Summary {
  /** One for each situation in which a transport is chosen. */
  readonly sentences: readonly string[];
  /** Why the figures may mislead. */
  readonly warnings: readonly string[];
  /** A row for each test, a column for each transport. */
  readonly table: Table;
}

/** What a transport is chosen for, by the scheme of its URI. */
const SITUATIONS: ReadonlyMap<string, readonly string[]> = new Map([
  ['On one host', ['unix', 'fd']],
  ['From one VM to another on its host', ['vsock']],
  ['To another host on a network that you trust', ['tcp', 'rdma', 'ws']],
  ['To another host, encrypted', ['tls', 'wss']],
]);

/** Processes that ran before the benchmark did, for each processor. */
const BUSY_LOAD = 0.5;

type SummaryRow = readonly Result[];

/** A summary of the transports of a report; floors are left out. */
export function summaryOf(report: Report): Summary {
  const rows = rowsOf(report);
  return {
    sentences: sentencesOf(report, rows),
    warnings: [...loadWarning(report), ...sampleWarning(report)],
    table: tableOf(report, rows),
  };
}

/** Of each test the first case of latencies, which is the smallest, and the last one of rates, the largest. */
function rowsOf({ tests, results }: Report): readonly SummaryRow[] {
  const transports = results.filter(({ role, loop }) => role === 'transport' && loop === 'closed');
  return tests.flatMap(({ name }) => {
    const own = transports.filter(({ test }) => test === name);
    const latency = own.find(({ quantity }) => quantity === 'latency');
    const rate = own.findLast(({ quantity }) => quantity === 'rate');
    return [latency, rate]
      .filter((chosen) => chosen !== undefined)
      .map((chosen) => own.filter((result) => result.case === chosen.case));
  });
}

function sentencesOf({ targets }: Report, rows: readonly SummaryRow[]): readonly string[] {
  const first = targets[0]?.name ?? '';
  const measured = targets.filter(({ name }) =>
    rows.some((row) => row.some(({ contender }) => contender === name)),
  );
  if (measured.length < 2) return ['One transport alone leaves nothing to choose from.'];
  return [...SITUATIONS].flatMap(([situation, schemes]) => {
    const names = measured
      .filter(({ uri }) => schemes.includes(uri.slice(0, uri.indexOf(':'))))
      .map(({ name }) => name)
      .toSorted((a, b) => Math.log(timesAsLong(rows, a, b) ?? 1));
    const [best, ...others] = names;
    if (best === undefined) return [];
    const beside = best === first ? '' : ` (${timesText(timesAsLong(rows, best, first), first)})`;
    const slower = others.map(
      (name) => `${name} ${timesText(timesAsLong(rows, name, best), 'it')}`,
    );
    return [[`${situation}: ${best}${beside}`, ...slower].join('; ').concat('.')];
  });
}

/** How many times as long an operation takes, as the geometric mean of all rows that have both. */
function timesAsLong(
  rows: readonly SummaryRow[],
  name: string,
  reference: string,
): number | undefined {
  const logarithms = rows.flatMap((row) => {
    const [own, other] = [name, reference].map((each) =>
      row.find(({ contender }) => contender === each),
    );
    return own === undefined || other === undefined ? [] : [Math.log(ratioOf(own, other))];
  });
  if (logarithms.length === 0) return undefined;
  return Math.exp(logarithms.reduce((sum, one) => sum + one, 0) / logarithms.length);
}

/** By what was compared round by round if both were, as it does not depend on what else ran. */
function ratioOf(own: Result, other: Result): number {
  if (own.toFirst !== undefined && other.toFirst !== undefined) {
    return own.toFirst.median / other.toFirst.median;
  }
  return timeOf(own) / timeOf(other);
}

/** Nanoseconds of an operation. */
function timeOf({ quantity, latency, perSecond }: Result): number {
  return quantity === 'latency' && latency ? latency.rounds.median : 1e9 / perSecond.median;
}

function timesText(times: number | undefined, what: string): string {
  return times === undefined
    ? `was in no test together with ${what}`
    : `takes ${digits(times)} times as long as ${what}`;
}

function loadWarning({ machine: { load, processors } }: Report): readonly string[] {
  if (load.before <= BUSY_LOAD * processors) return [];
  return [
    `The machine was busy before the run (load ${load.before}, ${processors} processors): trust ratios, and repeat it on a quiet one.`,
  ];
}

function sampleWarning({ results }: Report): readonly string[] {
  const latencies = results.filter(({ latency, role }) => latency && role === 'transport');
  const fewFor = (percent: number): readonly Result[] =>
    latencies.filter(({ operations }) => hasTooFewSamples(operations, percent));
  const warning = (found: readonly Result[], percentiles: string): string => {
    const fewest = Math.min(...found.map(({ operations }) => operations));
    const where = found.length === latencies.length ? 'All cases' : `${found.length} cases`;
    return `${where} have too few samples for ${percentiles} (${fewest} at the least), marked ~: a longer --duration has more.`;
  };
  const [fewFor99, fewFor999] = [fewFor(99), fewFor(99.9)];
  return [
    ...(fewFor99.length > 0 ? [warning(fewFor99, 'p99 and p99.9')] : []),
    ...(fewFor999.length > fewFor99.length ? [warning(fewFor999, 'p99.9')] : []),
  ];
}

function tableOf({ targets }: Report, rows: readonly SummaryRow[]): Table {
  const names = targets.map(({ name }) => name);
  const [first = ''] = names;
  const head = names.flatMap((name) => (name === first ? [name] : [name, `x ${first}`]));
  return {
    title: 'overview',
    what: `times and rates of one case of each test, and how many times as long it takes as on ${first}`,
    head: ['', ...head],
    rows: rows.map((row) => [
      rowTitle(row),
      ...names.flatMap((name) => {
        const result = row.find(({ contender }) => contender === name);
        const figure = result === undefined ? '-' : figureText(result);
        return name === first ? [figure] : [figure, ratioText(result?.toFirst)];
      }),
    ]),
  };
}

function rowTitle([result]: SummaryRow): string {
  if (result === undefined) return '';
  return result.title === '' ? result.test : `${result.test}, ${result.title}`;
}

function figureText({ quantity, latency, perSecond, bytesPerSecond }: Result): string {
  if (quantity === 'latency') return latency === undefined ? '-' : timeText(latency.p50);
  if (bytesPerSecond !== undefined) return byteRateText(bytesPerSecond.median);
  return `${countText(perSecond.median)}/s`;
}
