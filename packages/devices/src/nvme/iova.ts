import type { Iova } from '@vfio-user/core';

/** `base + bytes`, modulo 2^64. */
export function addToIova(base: Iova, bytes: number): Iova {
  if (typeof base === 'number') {
    const sum = base + bytes;
    if (sum <= Number.MAX_SAFE_INTEGER) return sum;
  }
  return BigInt.asUintN(64, BigInt(base) + BigInt(bytes));
}
