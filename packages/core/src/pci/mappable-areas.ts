import type { MappableArea } from '../device/device.js';

/** The smallest page that hosts have: areas are made of these. */
export const SMALLEST_PAGE_BYTES = 4096;

/** What of the areas can be mapped on a host with pages of `pageBytes` bytes: the pages they fill. */
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
