import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { exampleReport } from '../../../tools/support/bench-reports.js';
import { scriptJson } from '../src/report/html/markup.js';
import { reportHtml } from '../src/report/html/page.js';
import { logTicks } from '../src/report/plots/axes.js';
import { darkTheme, lightTheme, type Theme } from '../src/report/plots/theme.js';
import { plotsSvg, reportPng } from '../src/report/png.js';
import { decodePng, type Picture } from './png.js';

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome'];
/** Contrast of small text that can be read well (WCAG 2.2, 1.4.3), and of lines (1.4.11). */
const TEXT_CONTRAST = 4.5;
const LINE_CONTRAST = 3;
const SMALLEST_TEXT = 11;
/** Of one colour: a line, not a speck. */
const LINE_PIXELS = 200;

const browser = BROWSERS.flatMap((name) =>
  (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, name)),
).find((path) => existsSync(path));

/** How many times as bright one colour is as the other (WCAG 2.2). */
function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function countColours({ width, height, at }: Picture): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) counts.set(at(x, y), (counts.get(at(x, y)) ?? 0) + 1);
  }
  return counts;
}

t.test('colours of lines and text stand out from the background', async (t) => {
  for (const { background, text, series } of [lightTheme, darkTheme]) {
    t.ok(contrast(background, text) >= TEXT_CONTRAST, text);
    for (const colour of series) t.ok(contrast(background, colour) >= LINE_CONTRAST, colour);
  }
});

t.test(
  'a logarithmic axis has ticks at powers of ten, and between them if there is room',
  async (t) => {
    t.strictSame(logTicks([200, 900]), [100, 200, 500, 1000, 2000, 5000]);
    t.strictSame(logTicks([2, 3e6]), [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7]);
  },
);

t.test('a picture has lines in the colour of each transport', async (t) => {
  const picture = decodePng(await reportPng([{ name: '', report: exampleReport() }]));
  const counts = countColours(picture);
  for (const colour of lightTheme.series.slice(0, 3)) {
    t.ok((counts.get(colour) ?? 0) > LINE_PIXELS, colour);
  }
  t.equal(picture.at(0, 0), lightTheme.background);
  const svg = await plotsSvg([{ name: '', report: exampleReport() }]);
  t.match(svg, /<text x="24" y="38" font-family="sans-serif" font-size="15" fill="#/, 'titles');
});

t.test('the page needs nothing else, and shows text of others as text', async (t) => {
  const page = await reportHtml([{ name: '', report: exampleReport({ name: '<img src=x>' }) }]);
  t.notMatch(page, /<(script|link|img)[^>]+(src|href)=/);
  t.match(page, '&lt;img src=x&gt;');
  t.match(page, '<p>On one host: unix.</p>', 'which transport to take');
  t.match(scriptJson({ name: '</script>' }), '\\u003c/script>');
});

const skip = browser === undefined ? 'no chromium here: apt-get install chromium' : false;
t.test(
  'the report has plots in a browser, legible in light and in dark colours',
  { skip },
  async (t) => {
    const folder = t.testdir({});
    const file = join(folder, 'report.html');
    writeFileSync(file, await reportHtml([{ name: '', report: exampleReport() }]));
    const shoot = async (scheme: number): Promise<{ page: string; picture: Picture }> => {
      const screenshot = join(folder, `${scheme}.png`);
      const { stdout } = await promisify(execFile)(
        browser as string, // otherwise skipped
        [
          ...['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars'],
          ...[`--user-data-dir=${join(folder, 'profile')}`, '--window-size=1240,1900'],
          ...[`--blink-settings=preferredColorScheme=${scheme}`, '--virtual-time-budget=5000'],
          ...[`--screenshot=${screenshot}`, '--dump-dom', `file://${file}`],
        ],
        { maxBuffer: 2 ** 26 },
      );
      return { page: stdout, picture: decodePng(readFileSync(screenshot)) };
    };
    const check = async (name: string, theme: Theme, scheme: number): Promise<void> => {
      const { page, picture } = await shoot(scheme);
      t.match(page, `data-drawn="${name}"`);
      t.match(page, /<title>[^<]*nanoseconds: [^<]*tcp[^<]*<\/title>/, 'a mark says what it is');
      t.notMatch(page, /<title>[^<]*(axis|legend)/);
      const labels = [
        ...page.matchAll(/<text [^>]*font-size="(\d+)px" fill="(#\w{6})"[^>]*>([^<]+)/g),
      ];
      const texts = labels.map(([, , , text]) => text);
      for (const text of ['unix', 'tcp', '99.9 %', '100 µs', '4 KiB'])
        t.ok(texts.includes(text), text);
      for (const [, size, colour = '', text] of labels) {
        const legible = contrast(colour, theme.background) >= TEXT_CONTRAST;
        if (!legible || Number(size) < SMALLEST_TEXT)
          t.fail(`${name}: ${text} is ${colour}, ${size} px`);
      }
      t.equal(picture.at(2, 2), theme.background);
      const counts = countColours(picture);
      for (const colour of [theme.text, ...theme.series.slice(0, 3)]) {
        t.ok((counts.get(colour) ?? 0) > LINE_PIXELS, `${name}: ${colour} is seen`);
      }
    };
    // The numbers are Chromium's own.
    await check('light', lightTheme, 1);
    await check('dark', darkTheme, 0);
  },
);
