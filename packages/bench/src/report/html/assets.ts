import { darkTheme, lightTheme, type Theme } from '../plots/theme.js';

function variables({ background, text, grid }: Theme): string {
  return `--background: ${background}; --text: ${text}; --line: ${grid};`;
}

/** How the page looks, in the colours that its reader prefers. */
export const STYLE = `
:root { color-scheme: light dark; ${variables(lightTheme)} }
@media (prefers-color-scheme: dark) { :root { ${variables(darkTheme)} } }
body { margin: 2rem; background: var(--background); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; margin-top: 2.5rem; } h3 { font-size: 1rem; margin: 0 0 .5rem; }
ul.run { list-style: none; padding: 0; font-size: 13px; }
p { max-width: 50rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(520px, 1fr)); gap: 2rem; }
figure { margin: 0; overflow-x: auto; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th.name, td.name { text-align: left; }
`;

/**
 * What the page runs: shows all plots, and again when its reader prefers the other colours. `PLOTS` is
 * defined before it. What a mark stands for is shown when one points at it.
 */
export const SCRIPT = `
const MARKS = '[role="graphics-symbol"][aria-label]:not([aria-roledescription="axis"], [aria-roledescription="legend"])';
const dark = matchMedia('(prefers-color-scheme: dark)');
function show() {
  const theme = dark.matches ? 'dark' : 'light';
  PLOTS.forEach((plot, at) => {
    const container = document.getElementById('plot-' + at);
    container.innerHTML = plot[theme];
    for (const mark of container.querySelectorAll(MARKS)) {
      const title = document.createElementNS('http://www.w3.org/2000/svg', 'title');
      title.textContent = mark.getAttribute('aria-label');
      mark.append(title);
    }
  });
  document.body.dataset.drawn = theme;
}
dark.addEventListener('change', show);
show();
`;
