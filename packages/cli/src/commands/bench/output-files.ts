import { writeFile } from 'node:fs/promises';
import type { NamedReport } from '../../bench/report/plots/series.js';
import type { Report } from '../../bench/report/schema.js';
import type { BenchCommandOptions } from './options.js';

type OutputOptions = Pick<BenchCommandOptions, 'json' | 'csv' | 'html' | 'png' | 'markdown'>;

/** Write the files that were asked for. What draws plots is loaded for them only. */
export async function writeFiles(report: Report, options: OutputOptions): Promise<void> {
  const { json, csv, html, png, markdown } = options;
  if (json !== undefined) {
    const { reportJson } = await import('../../bench/report/report-file.js');
    await writeFile(json, reportJson(report));
  }
  if (csv !== undefined) {
    const { reportCsv } = await import('../../bench/report/csv.js');
    await writeFile(csv, reportCsv(report));
  }
  if (markdown !== undefined) {
    const { reportMarkdown } = await import('../../bench/report/markdown.js');
    await writeFile(markdown, reportMarkdown(report));
  }
  await writePlots([{ name: '', report }], { html, png });
}

/** Write the plots of one run, or of several together. */
export async function writePlots(
  reports: readonly NamedReport[],
  { html, png }: Pick<OutputOptions, 'html' | 'png'>,
): Promise<void> {
  if (html !== undefined) {
    const { reportHtml } = await import('../../bench/report/html/page.js');
    await writeFile(html, reportHtml(reports));
  }
  if (png !== undefined) {
    const { reportPng } = await import('../../bench/report/png.js');
    await writeFile(png, await reportPng(reports));
  }
}
