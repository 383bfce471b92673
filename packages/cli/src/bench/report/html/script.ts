/**
 * What the page runs: draws all plots, and again when its reader prefers the other colours. `vega`
 * is Vega's own bundle, `PLOTS` and `THEMES` are defined before it.
 */
export const SCRIPT = `
const dark = matchMedia('(prefers-color-scheme: dark)');
async function draw() {
  const config = dark.matches ? THEMES.dark : THEMES.light;
  await Promise.all(PLOTS.map(async (spec, at) => {
    const container = document.getElementById('plot-' + at);
    container.replaceChildren();
    await new vega.View(vega.parse(spec, config), { renderer: 'svg', container }).runAsync();
  }));
  document.body.dataset.drawn = dark.matches ? 'dark' : 'light';
}
dark.addEventListener('change', draw);
draw();
`;
