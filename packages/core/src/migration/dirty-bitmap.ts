import type { Iova } from '../address.js';
import { EINVAL } from '../errno.js';
import { RequestRefusedError } from '../errors.js';
import { bitmapBytes } from '../memory/dirty-log.js';

/**
 * Bytes of the bitmap of `length` bytes of guest memory (whole 4096-byte pages) with one bit per
 * `pageBytes`. The client chose both: it may be far more than can be allocated.
 * @throws {RequestRefusedError} EINVAL for an invalid page size.
 */
export function dirtyBitmapBytes(length: Iova, pageBytes: Iova): number {
  checkPageBytes(pageBytes);
  if (length < pageBytes) {
    throw new RequestRefusedError(
      EINVAL,
      `a dirty bitmap of ${length} bytes of memory with ${pageBytes} bytes a page has no bits`,
    );
  }
  // Both are exact as numbers: 52 significant bits, and a power of two.
  return bitmapBytes(Math.ceil(Number(length) / Number(pageBytes)));
}

/** @throws {RequestRefusedError} EINVAL when it is no power of two. */
export function checkPageBytes(pageBytes: Iova): void {
  const size = BigInt(pageBytes);
  if (size > 0n && (size & (size - 1n)) === 0n) return;
  throw new RequestRefusedError(EINVAL, `page size ${pageBytes} is not a power of two`);
}
