import { VfioUserError } from '../errors.js';

/** Refuse a device definition. */
export function invalid(reason: string): never {
  throw new VfioUserError('VFU_CONFIG_INVALID', reason);
}

/** `0x` and hexadecimal digits, as lspci and datasheets write offsets. */
export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** Refuse anything but an integer in `[0, max]`. */
export function checkField(name: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    invalid(`${name} is ${value}, expected a whole number from 0 to ${hex(max)}`);
  }
}
