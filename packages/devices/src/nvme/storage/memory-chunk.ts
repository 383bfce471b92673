import { allocatePages, releasePages, unavailableReason } from '@vfio-user/posix-ffi';

/** Unit of deallocation, bytes: the page size of most machines. */
export const PAGE_BYTES = 4096;

/** A chunk of a disk in memory, with a map of the pages written. */
export class MemoryChunk {
  readonly bytes: Uint8Array;
  readonly #isUsed: Uint8Array;
  #usedPages = 0;

  /** `length` is a multiple of the page size. */
  constructor(length: number) {
    this.bytes = canRelease() ? allocatePages(length) : new Uint8Array(length);
    this.#isUsed = new Uint8Array(length / PAGE_BYTES);
  }

  get usedPages(): number {
    return this.#usedPages;
  }

  write(offset: number, source: Uint8Array): void {
    this.bytes.set(source, offset);
    const end = Math.ceil((offset + source.length) / PAGE_BYTES);
    for (let page = Math.floor(offset / PAGE_BYTES); page < end; page++) {
      if (this.#isUsed[page] === 1) continue;
      this.#isUsed[page] = 1;
      this.#usedPages++;
    }
  }

  /** Deallocate all of it. */
  release(): void {
    if (canRelease()) releasePages(this.bytes);
  }

  zero(offset: number, length: number): void {
    const end = offset + length;
    const first = Math.ceil(offset / PAGE_BYTES);
    const last = Math.floor(end / PAGE_BYTES);
    if (first >= last) {
      this.bytes.fill(0, offset, end);
      return;
    }
    this.bytes.fill(0, offset, first * PAGE_BYTES);
    this.bytes.fill(0, last * PAGE_BYTES, end);
    const pages = this.bytes.subarray(first * PAGE_BYTES, last * PAGE_BYTES);
    if (canRelease()) releasePages(pages);
    else pages.fill(0);
    for (let page = first; page < last; page++) {
      this.#usedPages -= this.#isUsed[page] as number; // below the number of pages
      this.#isUsed[page] = 0;
    }
  }
}

function canRelease(): boolean {
  return unavailableReason() === undefined;
}
