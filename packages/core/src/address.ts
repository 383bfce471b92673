/**
 * An address in the client's DMA space: any unsigned 64-bit value. A `number` wherever it is exact
 * (up to 2^53 - 1, which covers every address a real machine uses), a `bigint` above. The number
 * form costs no allocation, which is why it exists.
 */
export type Iova = number | bigint;

const LOW = 0x1_0000_0000;

/** Join the halves of a little-endian u64. */
export function iovaFromHalves(low: number, high: number): Iova {
  return high <= 0x1f_ffff ? high * LOW + low : (BigInt(high) << 32n) | BigInt(low);
}

/** The canonical form: a number wherever it is exact. */
export function normalizeIova(value: bigint): Iova {
  return value <= 9_007_199_254_740_991n ? Number(value) : value;
}

/**
 * The canonical form of an address that a user of the library gave.
 * @throws {RangeError} when it is no unsigned 64-bit integer.
 */
export function canonicalIova(value: Iova): Iova {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  const exact = typeof value === 'bigint' || Number.isInteger(value) ? BigInt(value) : -1n;
  if (exact < 0n || exact >= 2n ** 64n) {
    throw new RangeError(`${value} is no address: expected an integer from 0 to 2^64 - 1`);
  }
  return normalizeIova(exact);
}

/** `iova + bytes`, modulo 2^64. */
export function advanceIova(iova: Iova, bytes: number): Iova {
  if (typeof iova === 'number') {
    const sum = iova + bytes;
    if (sum <= Number.MAX_SAFE_INTEGER) return sum;
  }
  return normalizeIova(BigInt.asUintN(64, BigInt(iova) + BigInt(bytes)));
}

export function iovaText(iova: Iova): string {
  return `0x${iova.toString(16)}`;
}

/** Read a u64 at `offset`, little-endian. */
export function getIova(view: DataView, offset: number): Iova {
  return iovaFromHalves(view.getUint32(offset, true), view.getUint32(offset + 4, true));
}

/** Write a u64 at `offset`, little-endian. */
export function setIova(view: DataView, offset: number, value: Iova): void {
  if (typeof value === 'number') {
    view.setUint32(offset, value % LOW, true);
    view.setUint32(offset + 4, Math.floor(value / LOW), true);
  } else {
    view.setBigUint64(offset, value, true);
  }
}
