import { parse, type Spec, View } from 'vega';
import { compile } from 'vega-lite';
import type { NamedReport } from '../report.js';
import { sizePlots } from './by-size.js';
import { percentilePlots } from './percentiles.js';
import type { Plot } from './plot.js';
import { processorTimePlots } from './processor-time.js';
import { selectSeries } from './series.js';
import { type Theme, vegaConfig } from './theme.js';

/** Draws a plot as an SVG document. `id` tells what it refers to by name from that of other plots on a page. */
export async function drawPlot(
  plot: Plot,
  { theme, font, id }: { readonly theme: Theme; readonly font: string; readonly id: string },
): Promise<string> {
  const view = new View(parse(specOf(plot), vegaConfig(theme, font)), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  return svg.replace(/(\bid="|url\(#)/g, `$1${id}-`);
}

/** A plot as Vega takes it, still without colours: a theme brings them. */
function specOf({ spec }: Plot): Spec {
  // Without a frame of its own colour.
  const { background: _white, ...rest } = compile({
    ...spec,
    config: { view: { stroke: null } },
  }).spec;
  return rest;
}

/** What reports have to show. */
export function plotsOf(reports: readonly NamedReport[]): readonly Plot[] {
  const selection = selectSeries(reports);
  return [...percentilePlots(selection), ...sizePlots(selection), ...processorTimePlots(selection)];
}
