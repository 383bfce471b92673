import type { TopLevelSpec } from 'vega-lite';
import type { Selection, Series } from './series.js';

/** Which part of a report a plot belongs to. */
export type PlotGroup = 'latency' | 'block size' | 'processor time';

/** A plot without colours of its own. */
export interface Plot {
  readonly group: PlotGroup;
  readonly title: string;
  readonly spec: TopLevelSpec;
}

export const PLOT_WIDTH = 420;
export const PLOT_HEIGHT = 240;
const LEGEND_COLUMNS = 4;
const DASHES = [
  [1, 0],
  [5, 4],
  [2, 3],
  [8, 3, 2, 3],
];

/** Colour and dashes of lines, the same ones in all plots of a report. */
export function lineEncoding({ who, kinds }: Selection, lines: readonly Series[]) {
  const legend = { orient: 'bottom', direction: 'horizontal', symbolType: 'stroke' } as const;
  const shown = who.filter((name) => lines.some((line) => line.who === name));
  return {
    color: {
      field: 'who',
      type: 'nominal',
      scale: { domain: [...who] },
      title: null,
      legend: { ...legend, columns: LEGEND_COLUMNS, values: shown },
    },
    strokeDash: {
      field: 'kind',
      type: 'nominal',
      scale: { domain: [...kinds], range: kinds.map((_, at) => DASHES[at % DASHES.length]) },
      title: null,
      legend,
    },
  } as const;
}
