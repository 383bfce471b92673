import { sizePlots } from './by-size.js';
import { percentilePlots } from './percentiles.js';
import type { Plot } from './plot.js';
import { processorTimePlots } from './processor-time.js';
import { type NamedReport, selectSeries } from './series.js';

/** What reports have to show. */
export function plotsOf(reports: readonly NamedReport[]): readonly Plot[] {
  const selection = selectSeries(reports);
  return [...percentilePlots(selection), ...sizePlots(selection), ...processorTimePlots(selection)];
}
