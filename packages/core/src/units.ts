const SIZE_UNITS = ['', 'K', 'M', 'G', 'T', 'P', 'E'];
const TIME_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

/** Bytes, written as `4096`, `4K`, `64M`, `1G` or `2T` (powers of 1024); `undefined` for anything else. */
export function parseSize(text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d+)([KMGTPE]?)$/i.exec(text) ?? [];
  const bytes = Number(digits) * 1024 ** SIZE_UNITS.indexOf(unit.toUpperCase());
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Bytes in the form of {@link parseSize}, in the largest exact unit: `64M`. */
export function sizeText(bytes: number | bigint): string {
  let value = BigInt(bytes);
  let unit = 0;
  while (value !== 0n && value % 1024n === 0n && unit < SIZE_UNITS.length - 1) {
    value /= 1024n;
    unit += 1;
  }
  return `${value}${SIZE_UNITS[unit]}`;
}

/**
 * Milliseconds, written as `500ms`, `30s` or `1.5m`, rounded up; `undefined` for anything else, and
 * for 0.
 */
export function parseDuration(text: string): number | undefined {
  const [, number, unit = ''] = /^(\d{1,9}(?:\.\d{1,9})?)(ms|s|m)$/.exec(text) ?? [];
  const milliseconds = Math.ceil(Number(number) * (TIME_UNITS[unit] as number));
  return milliseconds > 0 ? milliseconds : undefined;
}
