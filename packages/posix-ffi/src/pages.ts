import { MAP_ANONYMOUS, MAP_NORESERVE, MAP_PRIVATE, PROT_READ, PROT_WRITE } from './constants.js';
import { check, libc } from './libc.js';
import { addressOf } from './native-memory.js';

/** A huge page of all processors with pages of 4 KiB: what an entry of the middle page table maps. */
export const HUGE_PAGE_BYTES = 2 * 1024 * 1024;

// linux/mman.h
const MADV_DONTNEED = 4;
const MADV_COLLAPSE = 25;

/** Given back with the last view. */
const unmapWithLastView = new FinalizationRegistry((address: number) => {
  libc().munmap(address, HUGE_PAGE_BYTES);
});

/**
 * Zeroed memory of the size and alignment of a huge page. None of its pages is taken before it is
 * written to.
 * @throws {SystemError} ENOMEM when the process may have no more.
 */
export function allocatePages(): Uint8Array {
  const { koffi, mmap, munmap } = libc();
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  const bytes = 2 * HUGE_PAGE_BYTES;
  const first = check(mmap(0, bytes, PROT_READ | PROT_WRITE, flags, -1, 0), 'mmap');
  // The kernel maps from the top: the last aligned address joins on to the mapping above.
  const address = first + HUGE_PAGE_BYTES - (first % HUGE_PAGE_BYTES);
  if (address > first) munmap(first, address - first);
  const end = address + HUGE_PAGE_BYTES;
  if (end < first + bytes) munmap(end, first + bytes - end);
  // Pointers are BigInts in koffi's declarations; at run time it takes numbers as well.
  const memory = koffi.view(address, HUGE_PAGE_BYTES);
  unmapWithLastView.register(memory, address);
  return new Uint8Array(memory);
}

/** Release whole pages of {@link allocatePages}: they read as zeros. */
export function releasePages(pages: Uint8Array): void {
  const { madvise, pageBytes } = libc();
  const address = addressOf(pages);
  const isWhole = address % pageBytes === 0 && pages.length % pageBytes === 0;
  // Fails for memory that is locked.
  if (!isWhole || madvise(address, pages.length, MADV_DONTNEED) !== 0) pages.fill(0);
}

/**
 * Move what {@link allocatePages} returned to one huge page, by a thread of libuv's pool, if there is
 * one and the kernel can (since Linux 6.1, also where it uses huge pages by itself never). Its
 * bytes may be used meanwhile. Pages that were not taken are after it.
 */
export function collapsePages(memory: Uint8Array, done: () => void): void {
  // Referenced in the callback to keep the memory mapped until then.
  libc().madviseLater(addressOf(memory), memory.length, MADV_COLLAPSE, () => done());
}
