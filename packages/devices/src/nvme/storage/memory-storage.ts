import { collapsePages } from '@vfio-user/posix-ffi';
import { CHUNK_BYTES, MemoryChunk, PAGE_BYTES } from './memory-chunk.js';
import type { Storage } from './storage.js';

/** Chunks given back in one turn of the event loop: some milliseconds' worth. */
const RELEASED_PER_TURN = 8;

/**
 * Blocks in memory. Pages never written, or discarded, take no memory. Chunks all of whose pages
 * were written become huge pages, which are found faster: no earlier, so that a disk takes no more
 * than what was written to it.
 */
export class MemoryStorage implements Storage {
  readonly size: number;
  readonly isReadOnly: boolean;
  readonly hasVolatileCache = false;
  readonly deallocation = { readsZero: true, granularity: PAGE_BYTES };
  readonly #chunks = new Map<number, MemoryChunk>();
  /** No part of the disk any more, but not given back yet: the garbage collector may take hours. */
  readonly #unneeded: MemoryChunk[] = [];
  readonly #collapse: typeof collapsePages;
  /** Chunks to be moved to huge pages, one at a time: the threads of libuv's pool are few. */
  readonly #full: MemoryChunk[] = [];
  #isCollapsing = false;

  constructor(size: number, isReadOnly = false, collapse = collapsePages) {
    this.size = size;
    this.isReadOnly = isReadOnly;
    this.#collapse = collapse;
  }

  allocatedBytes(): number {
    let pages = 0;
    for (const chunk of this.#chunks.values()) pages += chunk.usedPages;
    return Math.min(pages * PAGE_BYTES, this.size);
  }

  tryRead(offset: number, targets: readonly Uint8Array[]): true {
    let at = offset;
    for (let index = 0; index < targets.length; index++) {
      const target = targets[index]!; // below its length
      this.#read(at, target);
      at += target.length;
    }
    return true;
  }

  tryWrite(offset: number, sources: readonly Uint8Array[]): true {
    let at = offset;
    for (let index = 0; index < sources.length; index++) {
      const source = sources[index]!; // below its length
      this.#write(at, source);
      at += source.length;
    }
    return true;
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    this.#read(offset, target);
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    this.#write(offset, source);
  }

  zero(offset: number, length: number): void {
    if (length / CHUNK_BYTES > this.#chunks.size + 2) this.#zeroAllocated(offset, offset + length);
    else this.#zeroRange(offset, length);
  }

  discard(offset: number, length: number): void {
    this.zero(offset, length);
  }

  flush(): void {}

  abandon(): void {}

  close(): void {
    this.#chunks.clear();
    this.#full.length = 0;
  }

  #read(offset: number, target: Uint8Array): void {
    const index = Math.floor(offset / CHUNK_BYTES);
    const start = offset - index * CHUNK_BYTES;
    if (start + target.length <= CHUNK_BYTES) {
      this.#readPart(index, start, target);
      return;
    }
    forEachChunk(offset, target.length, (chunk, from, done, length) =>
      this.#readPart(chunk, from, target.subarray(done, done + length)),
    );
  }

  #write(offset: number, source: Uint8Array): void {
    const index = Math.floor(offset / CHUNK_BYTES);
    const start = offset - index * CHUNK_BYTES;
    if (start + source.length <= CHUNK_BYTES) {
      this.#writePart(index, start, source);
      return;
    }
    forEachChunk(offset, source.length, (chunk, from, done, length) =>
      this.#writePart(chunk, from, source.subarray(done, done + length)),
    );
  }

  readonly #collapseNext = (): void => {
    let chunk = this.#full.pop();
    while (chunk?.isFull === false) chunk = this.#full.pop();
    this.#isCollapsing = chunk !== undefined;
    if (chunk !== undefined) this.#collapse(chunk.bytes, this.#collapseNext);
  };

  /** For a range of many chunks, of which few exist: it takes as long as there are chunks. */
  #zeroAllocated(start: number, end: number): void {
    for (const index of [...this.#chunks.keys()]) {
      const from = Math.max(start, index * CHUNK_BYTES);
      const to = Math.min(end, (index + 1) * CHUNK_BYTES);
      if (from < to) this.#zeroRange(from, to - from);
    }
  }

  #zeroRange(offset: number, length: number): void {
    forEachChunk(offset, length, (index, from, _done, part) => {
      const chunk = this.#chunks.get(index);
      if (chunk === undefined) return;
      if (part === CHUNK_BYTES) {
        if (this.#unneeded.push(chunk) === 1) setImmediate(this.#giveBack);
      } else {
        chunk.zero(from, part);
        if (chunk.usedPages > 0) return;
      }
      this.#chunks.delete(index);
    });
  }

  readonly #giveBack = (): void => {
    for (let count = 0; count < RELEASED_PER_TURN; count++) this.#unneeded.pop()?.release();
    if (this.#unneeded.length > 0) setImmediate(this.#giveBack);
  };

  #readPart(index: number, from: number, target: Uint8Array): void {
    const chunk = this.#chunks.get(index);
    if (chunk === undefined) target.fill(0);
    else target.set(chunk.bytes.subarray(from, from + target.length));
  }

  #writePart(index: number, from: number, source: Uint8Array): void {
    const chunk = this.#chunkForWriting(index);
    if (!chunk.write(from, source)) return;
    this.#full.push(chunk);
    if (!this.#isCollapsing) this.#collapseNext();
  }

  #chunkForWriting(index: number): MemoryChunk {
    let chunk = this.#chunks.get(index);
    if (chunk === undefined) {
      chunk = new MemoryChunk();
      this.#chunks.set(index, chunk);
    }
    return chunk;
  }
}

/** Split a range at chunk boundaries. */
function forEachChunk(
  offset: number,
  length: number,
  visit: (index: number, from: number, done: number, length: number) => void,
): void {
  for (let done = 0; done < length; ) {
    const from = (offset + done) % CHUNK_BYTES;
    const part = Math.min(CHUNK_BYTES - from, length - done);
    visit((offset + done - from) / CHUNK_BYTES, from, done, part);
    done += part;
  }
}
