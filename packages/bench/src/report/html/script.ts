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
