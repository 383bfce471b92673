import { compareTables } from '../compare.js';
import { drawPlot, plotsOf } from '../plots/draw.js';
import type { Plot, PlotGroup } from '../plots/plot.js';
import { darkTheme, lightTheme } from '../plots/theme.js';
import type { NamedReport, Report } from '../report.js';
import { describeRun } from '../run-description.js';
import { SUMMARY_HEADING, summaryOf } from '../summary.js';
import { tablesOf } from '../tables.js';
import { SCRIPT, STYLE } from './assets.js';
import { escapeMarkup, scriptJson, tableHtml } from './markup.js';

const FONT = 'system-ui, sans-serif';

const explanations: Readonly<Record<PlotGroup, string>> = {
  latency:
    'How long operations take. To the right are the slower ones: 99 % means that one in a hundred took longer.',
  'block size':
    'DMA by the size of blocks: the median time of single ones, and how much goes through.',
  'processor time': 'Processor time of one operation on either side, in one case of each test.',
};
const FLOORS =
  'Dashed lines and names in parentheses are floors: the same bytes over a plain socket, or a copy within memory.';
const RUNS = 'Colours tell transports apart, and dashes runs.';

/** Reports with plots and tables, in one file that needs nothing else. */
export async function reportHtml(reports: readonly NamedReport[]): Promise<string> {
  const plots = plotsOf(reports);
  const tables =
    reports.length > 1 ? compareTables(reports) : reports.flatMap(({ report }) => tablesOf(report));
  const body = [
    '<h1>vfio-user benchmark</h1>',
    ...(reports.length > 1 ? [] : reports.flatMap(({ report }) => summaryHtml(report))),
    ...reports.map(runHtml),
    `<p>${reports.length > 1 ? RUNS : FLOORS}</p>`,
    ...plotsHtml(plots),
    '<h2>Figures</h2>',
    ...tables.map(tableHtml),
    `<script>${await drawingsScript(plots)}${SCRIPT}</script>`,
  ];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>vfio-user benchmark</title>
<style>${STYLE}</style>
<body>
${body.join('\n')}
</body>
</html>
`;
}

function summaryHtml(report: Report): readonly string[] {
  const { sentences, warnings, table } = summaryOf(report);
  return [
    `<h2>${SUMMARY_HEADING}</h2>`,
    ...sentences.map((sentence) => `<p>${escapeMarkup(sentence)}</p>`),
    ...warnings.map((warning) => `<p><strong>Warning:</strong> ${escapeMarkup(warning)}</p>`),
    tableHtml(table),
    '<h2>The run</h2>',
  ];
}

function runHtml({ name, report }: NamedReport): string {
  const lines = describeRun(report).map((line) => `<li>${escapeMarkup(line)}</li>`);
  const heading = name === '' ? '' : `<h3>${escapeMarkup(name)}</h3>`;
  return `${heading}<ul class="run">${lines.join('')}</ul>`;
}

function plotsHtml(plots: readonly Plot[]): readonly string[] {
  const numbered = plots.map((plot, at) => ({ ...plot, at }));
  return Object.entries(explanations).flatMap(([group, explanation]) => {
    const own = numbered.filter((plot) => plot.group === group);
    if (own.length === 0) return [];
    const figures = own.map(
      ({ title, at }) =>
        `<figure><h3>${escapeMarkup(title)}</h3><div id="plot-${at}"></div></figure>`,
    );
    const heading = group.charAt(0).toUpperCase() + group.slice(1);
    return [
      `<h2>${heading}</h2><p>${explanation}</p><div class="plots">${figures.join('\n')}</div>`,
    ];
  });
}

/** Each plot in the colours of each theme. */
async function drawingsScript(plots: readonly Plot[]): Promise<string> {
  const drawings = await Promise.all(
    plots.map(async (plot, at) => {
      const how = { font: FONT, id: `plot-${at}` };
      const light = await drawPlot(plot, { ...how, theme: lightTheme });
      return { light, dark: await drawPlot(plot, { ...how, theme: darkTheme }) };
    }),
  );
  return `const PLOTS = ${scriptJson(drawings)};`;
}
