/** `value` in hexadecimal with at least `digits` digits and no prefix, as PCI ids are written. */
export function hex(value: number | bigint, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
