import {
  byteRateText,
  countText,
  hasTooFewSamples,
  rangeText,
  ratioText,
  timeText,
} from '../figures.js';
import type { Report, Result } from './report.js';

/** Rows of text under a heading. */
export interface Table {
  readonly title: string;
  readonly what: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

interface Column {
  readonly head: string;
  cell(result: Result): string;
}

const latencyColumns: readonly Column[] = [
  { head: 'min', cell: ({ latency }) => timeOr(latency?.min) },
  { head: 'p50', cell: ({ latency }) => timeOr(latency?.p50) },
  { head: 'p99', cell: (result) => percentileText(result, 99, result.latency?.p99) },
  { head: 'p99.9', cell: (result) => percentileText(result, 99.9, result.latency?.p999) },
  { head: 'max', cell: ({ latency }) => timeOr(latency?.max) },
  {
    head: 'p50 of rounds',
    cell: ({ latency }) => (latency === undefined ? '-' : rangeText(latency.rounds, timeText)),
  },
];

const rateColumns: readonly Column[] = [
  { head: 'per second', cell: ({ perSecond }) => countText(perSecond.median) },
  { head: 'of rounds', cell: ({ perSecond }) => rangeText(perSecond, countText) },
];

const bytesColumn: Column = {
  head: 'throughput',
  cell: ({ bytesPerSecond }) =>
    bytesPerSecond === undefined ? '-' : byteRateText(bytesPerSecond.median),
};

const cpuColumns: readonly Column[] = [
  { head: 'cpu client', cell: ({ cpu }) => timeText(cpu.client) },
  { head: 'cpu server', cell: ({ cpu }) => timeOr(cpu.server) },
];

/** A report as tables: one for the latencies of each test, one for its rates. */
export function tablesOf(report: Report): readonly Table[] {
  const first = report.targets[0]?.name ?? '';
  return report.tests.flatMap(({ name, what }) =>
    (['latency', 'rate'] as const).flatMap((quantity) => {
      const results = report.results.filter(
        (each) => each.test === name && each.quantity === quantity,
      );
      return results.length === 0 ? [] : [tableOf({ name, what, quantity, first }, results)];
    }),
  );
}

interface TableSubject {
  readonly name: string;
  readonly what: string;
  readonly quantity: Result['quantity'];
  /** What the others are held against. */
  readonly first: string;
}

function tableOf({ name, what, quantity, first }: TableSubject, results: readonly Result[]): Table {
  const hasTitles = results.some(({ title }) => title !== '');
  const hasBytes = results.some(({ bytesPerSecond }) => bytesPerSecond !== undefined);
  const ratios: readonly Column[] = [
    { head: 'x floor', cell: ({ toFloor }) => ratioText(toFloor) },
    { head: `x ${first}`, cell: ({ toFirst }) => ratioText(toFirst) },
  ];
  const columns: readonly Column[] = [
    ...(quantity === 'latency' ? latencyColumns : rateColumns),
    ...ratios,
    ...(quantity === 'rate' && hasBytes ? [bytesColumn] : []),
    ...cpuColumns,
  ];
  let previous: string | undefined;
  const rows = results.map((result) => {
    // A title is said once for all that follow it.
    const title = result.case === previous ? '' : result.title;
    previous = result.case;
    const who = result.role === 'floor' ? `(${result.contender})` : result.contender;
    return [...(hasTitles ? [title] : []), who, ...columns.map(({ cell }) => cell(result))];
  });
  const head = [...(hasTitles ? ['case'] : []), '', ...columns.map((column) => column.head)];
  return {
    title: quantity === 'rate' && hasBytes ? `${name}, throughput` : name,
    what,
    head,
    rows,
  };
}

function percentileText(result: Result, percent: number, time: number | undefined): string {
  const mark = time !== undefined && hasTooFewSamples(result.operations, percent) ? '~' : '';
  return `${mark}${timeOr(time)}`;
}

function timeOr(nanoseconds: number | undefined): string {
  return nanoseconds === undefined ? '-' : timeText(nanoseconds);
}
