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
