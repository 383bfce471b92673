import { sizeText } from '../../figures.js';
import type { Result } from '../report.js';
import { BYTE_RATE_LABELS, logAxis, TIME_LABELS } from './axes.js';
import { lineEncoding, PLOT_HEIGHT, PLOT_WIDTH, type Plot } from './plot.js';
import { distinct, type Selection, type Series } from './series.js';

/** Of DMA tests: the time of single blocks, and throughput at each depth, by the size of blocks. */
export function sizePlots(selection: Selection): readonly Plot[] {
  const results = selection.results.filter(({ test }) => test.startsWith('dma'));
  return distinct(results, ({ test }) => test).flatMap((test) => {
    const own = results.filter((result) => result.test === test);
    const rates = own.filter(({ quantity }) => quantity === 'rate');
    const depths = distinct(rates, ({ depth }) => depth);
    return [
      ...sizePlot(selection, `${test}, single blocks`, {
        results: own.filter(({ quantity }) => quantity === 'latency'),
        value: ({ latency }) => latency?.p50,
        labels: TIME_LABELS,
      }),
      ...depths.flatMap((depth) =>
        sizePlot(selection, `${test}, throughput at depth ${depth}`, {
          results: rates.filter((result) => result.depth === depth),
          value: ({ bytesPerSecond }) => bytesPerSecond?.median,
          labels: BYTE_RATE_LABELS,
        }),
      ),
    ];
  });
}

interface SizePlotData {
  readonly results: readonly (Result & Series)[];
  value(result: Result): number | undefined;
  readonly labels: string;
}

/** No plot when there is nothing in it. */
function sizePlot(
  selection: Selection,
  title: string,
  { results, value, labels }: SizePlotData,
): readonly Plot[] {
  const points = results.map((result) => ({
    who: result.who,
    kind: result.kind,
    bytes: result.blockBytes ?? 0,
    value: value(result) ?? 0,
  }));
  if (points.length === 0) return [];
  points.sort((a, b) => a.bytes - b.bytes);
  const named = points.map((point) => ({ ...point, size: sizeText(point.bytes) }));
  const values = points.map((point) => point.value);
  const { color, strokeDash } = lineEncoding(selection, results);
  return [
    {
      group: 'block size',
      title,
      spec: {
        width: PLOT_WIDTH,
        height: PLOT_HEIGHT,
        data: { values: named },
        encoding: {
          x: { field: 'size', type: 'ordinal', sort: null, axis: { title: null, labelAngle: 0 } },
          y: { field: 'value', type: 'quantitative', ...logAxis(values, labels) },
          color,
        },
        layer: [
          { mark: 'line', encoding: { strokeDash } },
          { mark: { type: 'point', filled: true, tooltip: true } },
        ],
      },
    },
  ];
}
