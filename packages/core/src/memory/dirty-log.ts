import { PAGE_BYTES } from './page.js';

/**
 * Pages per chunk of the log: 16 MiB of guest memory in 512 bytes. Small enough that scattered
 * writes use little memory, large enough that a terabyte needs few chunks.
 */
const CHUNK_PAGES = 4096;

/** Bytes of a bitmap with `bits` bits, rounded up to whole 64-bit words. */
export function bitmapBytes(bits: number): number {
  return Math.ceil(bits / 64) * 8;
}

/**
 * Pages that the device wrote since the last report ("DEVICE_FEATURE": DMA_LOGGING_*). Kept per
 * 4096 bytes, so that a report never clears more than it contains.
 */
export class DirtyLog {
  /** Page size that the client asked for in DMA_LOGGING_START. */
  readonly pageBytes: number;
  /** Bitmaps by page number divided by {@link CHUNK_PAGES}; absent where nothing is dirty. */
  readonly #chunks = new Map<number, Uint8Array>();
  #lastNumber = -1;
  #last: Uint8Array = new Uint8Array(0);

  constructor(pageBytes: number) {
    this.pageBytes = pageBytes;
  }

  /** @param page number of a 4096-byte page. @param offset bytes from its start. */
  mark(page: number, offset: number, length: number): void {
    if (length === 0) return;
    const last = page + Math.floor((offset + length - 1) / PAGE_BYTES);
    for (let dirty = page + Math.floor(offset / PAGE_BYTES); dirty <= last; ) {
      const number = Math.floor(dirty / CHUNK_PAGES);
      if (number !== this.#lastNumber) this.#switchTo(number);
      const index = dirty - number * CHUNK_PAGES;
      if (index === 0 && last - dirty >= CHUNK_PAGES - 1) {
        this.#last.fill(0xff);
        dirty += CHUNK_PAGES;
      } else {
        setBit(this.#last, index);
        dirty++;
      }
    }
  }

  /**
   * Set one bit of `bits` for every `reportBytes` (a power of two) of `[firstPage, firstPage +
   * pages)` with a dirty page in it, bit 0 first. What is reported is clean afterwards.
   */
  take(firstPage: number, pages: number, reportBytes: number, bits: Uint8Array): void {
    const bitsPerPage = PAGE_BYTES / reportBytes;
    this.#drain(firstPage, pages, (page) => {
      const first = Math.floor((page - firstPage) * bitsPerPage);
      setBit(bits, first);
      for (let more = 1; more < bitsPerPage; more++) setBit(bits, first + more);
    });
  }

  /** Clear a range that is no longer mapped. */
  forget(firstPage: number, pages: number): void {
    this.#drain(firstPage, pages, () => {});
  }

  #switchTo(number: number): void {
    let chunk = this.#chunks.get(number);
    if (chunk === undefined) {
      chunk = new Uint8Array(CHUNK_PAGES / 8);
      this.#chunks.set(number, chunk);
    }
    this.#last = chunk;
    this.#lastNumber = number;
  }

  #drain(firstPage: number, pages: number, visit: (page: number) => void): void {
    const firstChunk = Math.floor(firstPage / CHUNK_PAGES);
    const lastChunk = Math.floor((firstPage + pages - 1) / CHUNK_PAGES);
    // A range can be far longer than the log, and the log longer than the range.
    if (lastChunk - firstChunk < this.#chunks.size) {
      for (let number = firstChunk; number <= lastChunk; number++) {
        this.#drainChunk(number, firstPage, pages, visit);
      }
    } else {
      for (const number of this.#chunks.keys()) this.#drainChunk(number, firstPage, pages, visit);
    }
  }

  #drainChunk(
    number: number,
    firstPage: number,
    pages: number,
    visit: (page: number) => void,
  ): void {
    const chunk = this.#chunks.get(number);
    if (chunk === undefined) return;
    const base = number * CHUNK_PAGES;
    const from = Math.max(firstPage - base, 0);
    const to = Math.min(firstPage + pages - base, CHUNK_PAGES);
    if (from >= to) return;
    for (let index = from; index < to; index++) {
      const at = index >>> 3;
      const byte = chunk[at] as number;
      if (byte === 0) {
        index |= 7;
      } else if ((byte & (1 << (index & 7))) !== 0) {
        chunk[at] = byte & ~(1 << (index & 7));
        visit(base + index);
      }
    }
    if (chunk.every(isZero)) {
      this.#chunks.delete(number);
      if (number === this.#lastNumber) this.#lastNumber = -1;
    }
  }
}

function isZero(byte: number): boolean {
  return byte === 0;
}

/** Set bit `index` of a little-endian bitmap. */
function setBit(bits: Uint8Array, index: number): void {
  const at = index >>> 3;
  bits[at] = (bits[at] as number) | (1 << (index & 7));
}
