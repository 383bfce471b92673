/** `value` in hexadecimal with at least `digits` digits and no prefix, as PCI ids are written. */
export function hex(value: number | bigint, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

/** A length in the largest binary unit that divides it, for example `16K`; `0` for nothing. */
export function sizeText(bytes: number | bigint): string {
  let value = BigInt(bytes);
  let unit = 0;
  while (value !== 0n && value % 1024n === 0n && unit < UNITS.length - 1) {
    value /= 1024n;
    unit += 1;
  }
  return `${value}${UNITS[unit]}`;
}

const UNITS = ['', 'K', 'M', 'G', 'T', 'P', 'E'];
