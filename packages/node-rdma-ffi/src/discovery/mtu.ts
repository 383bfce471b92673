import { Mtu } from '../native/constants.js';

const SMALLEST = 256;

/** Bytes of a value of `enum ibv_mtu`. */
export function mtuBytes(value: number): number {
  return SMALLEST << (value - Mtu[SMALLEST]);
}

/** The value of `enum ibv_mtu` for a number of bytes; `undefined` for anything else. */
export function mtuValue(bytes: number): number | undefined {
  return typeof bytes === 'number' ? (Mtu as Readonly<Record<number, number>>)[bytes] : undefined;
}
