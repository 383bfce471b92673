import type { Iova } from '../address.js';

/**
 * Mappings are page-aligned ("VERSION": pgsizes, 4096 by default), so an address splits into a page
 * number, which is exact in a double for the whole 64-bit space, and an offset in the page.
 */
export const PAGE_BYTES = 4096;

/** Pages in the 64-bit address space. */
export const ADDRESS_SPACE_PAGES = 2 ** 52;

export function pageOf(iova: Iova): number {
  return typeof iova === 'number' ? Math.floor(iova / PAGE_BYTES) : Number(iova >> 12n);
}

/** Without `%`, which is a function call for numbers above 2^31. */
export function offsetInPage(iova: Iova): number {
  return typeof iova === 'number'
    ? iova - Math.floor(iova / PAGE_BYTES) * PAGE_BYTES
    : Number(iova & 0xfffn);
}
