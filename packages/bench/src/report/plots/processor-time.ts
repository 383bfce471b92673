import type { Result } from '../report.js';
import { TIME_LABELS } from './axes.js';
import { PLOT_WIDTH, type Plot } from './plot.js';
import { distinct, type Selection, type Series } from './series.js';

const BAR_STEP = 22;

/** Blocks of DMA that are neither all overhead nor all data. */
const TYPICAL_BLOCK = 2 ** 16;

/** For each test, in one of its cases: processor time of an operation, on either side. */
export function processorTimePlots(selection: Selection): readonly Plot[] {
  return distinct(selection.results, ({ test }) => test).map((test) => {
    const own = selection.results.filter((result) => result.test === test);
    const chosen = own.findLast(isTypicalRate) ?? own[0];
    return barsOf(own.filter((result) => result.case === chosen?.case));
  });
}

/** Rates rather than single operations, whose start would count. */
function isTypicalRate({ quantity, blockBytes = 0 }: Result): boolean {
  return quantity === 'rate' && blockBytes <= TYPICAL_BLOCK;
}

function barsOf(results: readonly (Result & Series)[]): Plot {
  const [{ test, title } = { test: '', title: '' }] = results;
  const bars = results.flatMap((result) => {
    const { client, server = 0 } = result.cpu;
    const who = labelOf(result);
    return [
      { who, side: 'client', nanoseconds: client },
      { who, side: 'server', nanoseconds: server },
    ];
  });
  return {
    group: 'processor time',
    title: [test, title].filter(Boolean).join(', '),
    spec: {
      width: PLOT_WIDTH,
      height: { step: BAR_STEP },
      data: { values: bars },
      mark: { type: 'bar', tooltip: true },
      encoding: {
        y: { field: 'who', type: 'nominal', sort: null, axis: { title: null } },
        x: {
          field: 'nanoseconds',
          type: 'quantitative',
          axis: { labelExpr: TIME_LABELS, title: null, tickCount: 5 },
        },
        color: {
          field: 'side',
          type: 'nominal',
          title: null,
          legend: { orient: 'bottom', direction: 'horizontal' },
        },
      },
    },
  };
}

function labelOf({ role, who, kind }: Result & Series): string {
  if (role === 'floor') return `(${who})`;
  return kind === 'transport' ? who : `${who}, ${kind}`;
}
