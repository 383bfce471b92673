import { BenchError } from '../errors.js';
import type { NamedReport } from './report.js';

/** Formats with plots: what draws them need not be installed. */
export const PLOT_FORMATS = ['html', 'png'] as const;
export type PlotFormat = (typeof PLOT_FORMATS)[number];

/** One run, or several together. */
export type PlotWriter = (reports: readonly NamedReport[]) => Promise<string | Uint8Array>;

const loaders: Readonly<
  Record<PlotFormat, { readonly packages: readonly string[]; load(): Promise<PlotWriter> }>
> = {
  html: {
    packages: ['vega', 'vega-lite'],
    load: async () => (await import('./html/page.js')).reportHtml,
  },
  png: {
    packages: ['vega', 'vega-lite', '@resvg/resvg-js'],
    load: async () => (await import('./png.js')).reportPng,
  },
};

/** Load what writes a format. @throws {BenchError} saying what to install, where that is missing. */
export async function plotWriter(format: PlotFormat): Promise<PlotWriter> {
  const { packages, load } = loaders[format];
  try {
    return await load();
  } catch (cause) {
    if (!isMissing(cause, packages)) throw cause;
    throw new BenchError(
      `--${format} draws plots with ${packages.join(', ')}, which are not all installed here: npm install ${packages.join(' ')}`,
      { cause },
    );
  }
}

/** Native code is in a package of its own for each platform, which has a longer name. */
function isMissing(error: unknown, packages: readonly string[]): boolean {
  const { code, message = '' } = error as { readonly code?: unknown; readonly message?: string };
  const isUnfound = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
  return isUnfound && packages.some((name) => message.includes(`'${name}`));
}
