/** Labels of nanoseconds. */
export const TIME_LABELS =
  "datum.value >= 1e9 ? datum.value / 1e9 + ' s' : datum.value >= 1e6 ? datum.value / 1e6 + ' ms' : datum.value >= 1e3 ? datum.value / 1e3 + ' µs' : datum.value + ' ns'";

/** Labels of bytes a second. */
export const BYTE_RATE_LABELS =
  "datum.value >= 1e9 ? datum.value / 1e9 + ' GB/s' : datum.value >= 1e6 ? datum.value / 1e6 + ' MB/s' : datum.value / 1e3 + ' kB/s'";

/** More lines than these are too many. */
const MANY_TICKS = 8;

/** Ticks of a logarithmic axis for such values: powers of ten, with steps between if there is room. */
export function logTicks(values: readonly number[]): number[] {
  const positive = values.filter((value) => value > 0);
  const from = Math.floor(Math.log10(Math.min(...positive)));
  const to = Math.ceil(Math.log10(Math.max(...positive)));
  const powers = Array.from({ length: to - from + 1 }, (_, at) => from + at);
  const steps = powers.length * 3 > MANY_TICKS * 2 ? [1] : [1, 2, 5];
  // Written out, because 10 ** -3 is not exactly 0.001.
  return powers.flatMap((power) => steps.map((step) => Number(`${step}e${power}`)));
}

/** The scale and the axis for them. */
export function logAxis(values: readonly number[], labelExpr: string) {
  return {
    scale: { type: 'log', nice: false, domain: domainOf(values) },
    axis: { values: logTicks(values), labelExpr, title: null, grid: true },
  } as const;
}

function domainOf(values: readonly number[]): [number, number] {
  const positive = values.filter((value) => value > 0);
  return [Math.min(...positive) / 1.2, Math.max(...positive) * 1.2];
}
