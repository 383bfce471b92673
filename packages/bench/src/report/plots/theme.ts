/** Colours of plots and of the page around them. */
export interface Theme {
  readonly background: string;
  readonly text: string;
  /** Lines that help reading. */
  readonly grid: string;
  /** Of lines and bars, each well apart from the background. */
  readonly series: readonly string[];
}

export const lightTheme: Theme = {
  background: '#ffffff',
  text: '#24292f',
  grid: '#d8dee4',
  series: ['#0b5cad', '#b8450a', '#157347', '#8a3ab9', '#8a6d00', '#b02a5b', '#53606c', '#00707a'],
};

export const darkTheme: Theme = {
  background: '#16191d',
  text: '#e3e7eb',
  grid: '#3a4149',
  series: ['#74b3ff', '#ff9d66', '#5fd39a', '#cf9bf0', '#dfc04a', '#ff8fb1', '#a9b4c0', '#55cfd8'],
};

const FONT_SIZE = 12;

/** A theme as Vega takes it. */
export function vegaConfig({ background, text, grid, series }: Theme, font: string) {
  const sizes = {
    labelFontSize: FONT_SIZE,
    titleFontSize: FONT_SIZE,
    labelFont: font,
    titleFont: font,
  };
  return {
    background,
    axis: {
      ...sizes,
      labelColor: text,
      titleColor: text,
      titleFontWeight: 'normal' as const,
      gridColor: grid,
      domainColor: grid,
      tickColor: grid,
    },
    legend: {
      ...sizes,
      labelColor: text,
      titleColor: text,
      symbolStrokeWidth: 2,
      symbolBaseStrokeColor: text,
    },
    range: { category: [...series] },
  };
}
