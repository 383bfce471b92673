import type { Spec } from 'vega';
import { compile } from 'vega-lite';
import type { Plot } from './plot.js';

/** A plot as Vega draws it, still without colours: a theme brings them. */
export function compilePlot({ spec }: Plot): Spec {
  // Without a frame of its own colour.
  const { background: _white, ...rest } = compile({
    ...spec,
    config: { view: { stroke: null } },
  }).spec;
  return rest;
}
