import { Resvg } from '@resvg/resvg-js';
import { BenchError } from '../errors.js';
import { escapeMarkup } from './html/markup.js';
import { drawPlot, plotsOf } from './plots/draw.js';
import type { Plot } from './plots/plot.js';
import { lightTheme } from './plots/theme.js';
import type { NamedReport } from './report.js';

const COLUMNS = 2;
const MARGIN = 24;
const TITLE_HEIGHT = 28;
/** Pixels for one of the drawing's: for screens with many of them. */
const SCALE = 2;
const FONT = 'sans-serif';

interface Drawing {
  readonly title: string;
  readonly svg: string;
  readonly width: number;
  readonly height: number;
}

/** All plots of a report as one picture. */
export async function reportPng(reports: readonly NamedReport[]): Promise<Uint8Array> {
  const svg = await plotsSvg(reports);
  const font = { loadSystemFonts: true, sansSerifFamily: 'DejaVu Sans' };
  return new Resvg(svg, { font, fitTo: { mode: 'zoom', value: SCALE } }).render().asPng();
}

/** The same as an SVG document. @throws {BenchError} when there are no plots. */
export async function plotsSvg(reports: readonly NamedReport[]): Promise<string> {
  const drawings = await Promise.all(plotsOf(reports).map(draw));
  if (drawings.length === 0) throw new BenchError('there is nothing to draw: nothing was measured');
  return sheet(drawings);
}

async function draw(plot: Plot, at: number): Promise<Drawing> {
  const svg = await drawPlot(plot, { theme: lightTheme, font: FONT, id: `plot-${at}` });
  const [, width, height] = /width="([\d.]+)" height="([\d.]+)"/.exec(svg) ?? [];
  return { title: plot.title, svg, width: Number(width), height: Number(height) };
}

/** Puts drawings beside and below each other, with their titles. */
function sheet(drawings: readonly Drawing[]): string {
  const columnWidth = Math.max(...drawings.map(({ width }) => width)) + MARGIN;
  const parts: string[] = [];
  let top = MARGIN;
  for (let first = 0; first < drawings.length; first += COLUMNS) {
    const row = drawings.slice(first, first + COLUMNS);
    row.forEach(({ title, svg }, column) => {
      const left = MARGIN + column * columnWidth;
      const style = `font-family="${FONT}" font-size="15" fill="${lightTheme.text}"`;
      parts.push(
        `<text x="${left}" y="${top + TITLE_HEIGHT / 2}" ${style}>${escapeMarkup(title)}</text>`,
      );
      parts.push(svg.replace('<svg ', `<svg x="${left}" y="${top + TITLE_HEIGHT}" `));
    });
    top += Math.max(...row.map(({ height }) => height)) + TITLE_HEIGHT + MARGIN;
  }
  const width = MARGIN + COLUMNS * columnWidth;
  const size = `width="${width}" height="${top}"`;
  const background = `<rect ${size} fill="${lightTheme.background}"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ${size}>${background}${parts.join('')}</svg>`;
}
