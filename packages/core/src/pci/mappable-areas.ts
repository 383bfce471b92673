import type { MappableArea } from '../device/device.js';

/** Smallest page size of any host: areas are multiples of it. */
export const SMALLEST_PAGE_BYTES = 4096;

/**
 * The parts of the areas that consist of whole pages of `pageBytes` bytes, and so can be mapped.
 */
export function wholePages(
  areas: readonly MappableArea[],
  pageBytes: number,
): readonly MappableArea[] {
  if (pageBytes === SMALLEST_PAGE_BYTES) return areas;
  return areas.flatMap(({ offset, size }) => {
    const first = Math.ceil(offset / pageBytes) * pageBytes;
    const end = Math.floor((offset + size) / pageBytes) * pageBytes;
    return end > first ? [{ offset: first, size: end - first }] : [];
  });
}
