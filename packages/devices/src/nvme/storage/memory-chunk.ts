import {
  allocatePages,
  HUGE_PAGE_BYTES,
  releasePages,
  unavailableReason,
} from '@vfio-user/posix-ffi';

/** Unit of deallocation, bytes: the page size of most machines. */
export const PAGE_BYTES = 4096;

/** Bytes allocated at a time: those that can become one huge page. */
export const CHUNK_BYTES = HUGE_PAGE_BYTES;

const CHUNK_PAGES = CHUNK_BYTES / PAGE_BYTES;

/** A chunk of a disk in memory, with a map of the pages written. */
export class MemoryChunk {
  readonly bytes = canRelease() ? allocatePages() : new Uint8Array(CHUNK_BYTES);
  readonly #isUsed = new Uint8Array(CHUNK_PAGES);
  #usedPages = 0;
  /** Not once more when it is filled again: a guest could ask for that all the time. */
  #mayCollapse = canRelease();

  get usedPages(): number {
    return this.#usedPages;
  }

  get isFull(): boolean {
    return this.#usedPages === CHUNK_PAGES;
  }

  /** @returns whether it should become a huge page now. */
  write(offset: number, source: Uint8Array): boolean {
    this.bytes.set(source, offset);
    if (this.isFull) return false;
    const end = Math.ceil((offset + source.length) / PAGE_BYTES);
    for (let page = Math.floor(offset / PAGE_BYTES); page < end; page++) {
      if (this.#isUsed[page] === 1) continue;
      this.#isUsed[page] = 1;
      this.#usedPages++;
    }
    if (!this.#mayCollapse || !this.isFull) return false;
    this.#mayCollapse = false;
    return true;
  }

  /** Deallocate all of it. */
  release(): void {
    this.#isUsed.fill(0);
    this.#usedPages = 0;
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
