import { decodeHistogram } from '../../statistics.js';
import type { Result } from '../report.js';
import { logAxis, TIME_LABELS } from './axes.js';
import { lineEncoding, PLOT_HEIGHT, PLOT_WIDTH, type Plot } from './plot.js';
import { distinct, type Selection, type Series } from './series.js';

/** Of the logarithmic axis between 0 % and 90 %, between 90 % and 99 %, and so on. */
const STEPS_PER_NINE = 20;

/** 1: 90 %, 2: 99 %, ... */
const NINES_LABELS =
  "datum.value == 0 ? '0 %' : datum.value == 1 ? '90 %' : datum.value == 2 ? '99 %' : '99.' + pad('', datum.value - 2, '9', 'left') + ' %'";

interface Point extends Series {
  readonly nines: number;
  readonly nanoseconds: number;
}

/** For each case with single operations but those of DMA: how long the slower ones take. */
export function percentilePlots(selection: Selection): readonly Plot[] {
  const results = selection.results.filter(
    ({ latency, quantity, test }) =>
      latency !== undefined && quantity === 'latency' && !test.startsWith('dma'),
  );
  return distinct(results, (result) => result.case).map((id) =>
    percentilePlot(
      selection,
      results.filter((result) => result.case === id),
    ),
  );
}

function percentilePlot(selection: Selection, results: readonly (Result & Series)[]): Plot {
  const points = results.flatMap(pointsOf);
  const [{ test, title } = { test: '', title: '' }] = results;
  const times = points.map(({ nanoseconds }) => nanoseconds);
  const mostNines = Math.ceil(Math.max(...points.map(({ nines }) => nines)));
  return {
    group: 'latency',
    title: [test, title].filter(Boolean).join(', '),
    spec: {
      width: PLOT_WIDTH,
      height: PLOT_HEIGHT,
      data: { values: points },
      mark: { type: 'line', interpolate: 'step-after', tooltip: true },
      encoding: {
        x: {
          field: 'nines',
          type: 'quantitative',
          axis: {
            values: Array.from({ length: mostNines + 1 }, (_, at) => at),
            labelExpr: NINES_LABELS,
            title: 'share of operations that took no longer',
          },
        },
        y: { field: 'nanoseconds', type: 'quantitative', ...logAxis(times, TIME_LABELS) },
        ...lineEncoding(selection, results),
      },
    },
  };
}

function pointsOf({ latency, who, kind }: Result & Series): readonly Point[] {
  if (latency === undefined) return [];
  const histogram = decodeHistogram(latency.histogram);
  const mostNines = Math.log10(histogram.totalCount);
  const count = Math.max(1, Math.ceil(mostNines * STEPS_PER_NINE));
  return Array.from({ length: count + 1 }, (_, at) => {
    const nines = (mostNines * at) / count;
    const percent = 100 * (1 - 10 ** -nines);
    return { who, kind, nines, nanoseconds: histogram.getValueAtPercentile(percent) };
  });
}
