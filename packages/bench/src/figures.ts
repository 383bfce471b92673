import type { Spread } from './statistics.js';

const units = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'us'],
  [1, 'ns'],
] as const;

/** `21.3 us`: three significant digits. */
export function timeText(nanoseconds: number): string {
  const [scale, unit] = units.find(([size]) => nanoseconds >= size) ?? [1, 'ns'];
  return `${digits(nanoseconds / scale)} ${unit}`;
}

/** `12.3 k`: three digits. */
export function countText(count: number): string {
  if (count >= 1e9) return `${digits(count / 1e9)} G`;
  if (count >= 1e6) return `${digits(count / 1e6)} M`;
  return count >= 1e4 ? `${digits(count / 1e3)} k` : digits(count);
}

/** `1.23 GB/s`. */
export function byteRateText(bytesPerSecond: number): string {
  return bytesPerSecond >= 1e9
    ? `${digits(bytesPerSecond / 1e9)} GB/s`
    : `${digits(bytesPerSecond / 1e6)} MB/s`;
}

/** `1.23`, and a dash where there is nothing to compare. */
export function ratioText(ratio: Spread | undefined): string {
  return ratio === undefined ? '-' : digits(ratio.median);
}

/** The lowest and the highest of the rounds. */
export function rangeText({ lowest, highest }: Spread, text: (value: number) => string): string {
  const [from, to] = [text(lowest), text(highest)];
  const [, unit = ''] = from.split(' ');
  // One unit says enough if both have it.
  const shortened = unit !== '' && to.endsWith(` ${unit}`) ? from.slice(0, -unit.length - 1) : from;
  return `${shortened}..${to}`;
}

/** Whether fewer than ten samples are beyond a percentile, which is noise then. */
export function hasTooFewSamples(samples: number, percent: number): boolean {
  return samples * (1 - percent / 100) < 10;
}

/** Three significant digits. */
export function digits(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

const KIBI = 2 ** 10;
const MEBI = 2 ** 20;

/** A size as the command line takes it: `64`, `4 KiB`, `1 MiB`. */
export function sizeText(bytes: number): string {
  if (bytes >= MEBI && bytes % MEBI === 0) return `${bytes / MEBI} MiB`;
  if (bytes >= KIBI && bytes % KIBI === 0) return `${bytes / KIBI} KiB`;
  return `${bytes} B`;
}
