import type { Storage } from './storage.js';

/** The only namespace of the controller. */
export const NAMESPACE_ID = 1;
/** "All namespaces" in commands that allow it. */
export const ALL_NAMESPACES = 0xffff_ffff;

/** A storage seen as logical blocks. */
export class Namespace {
  readonly storage: Storage;
  /** Bytes of a logical block, a power of two. */
  readonly blockBytes: number;
  /** NSZE; a rest of the storage that fills no block is not used. */
  readonly blockCount: number;

  constructor(storage: Storage, blockBytes: number) {
    this.storage = storage;
    this.blockBytes = blockBytes;
    this.blockCount = Math.floor(storage.size / blockBytes);
  }

  /** Whether the blocks exist. Never adds, so that no address overflows. */
  contains(firstBlock: number | bigint, count: number): boolean {
    // A bigint is above 2^53: no storage has that many blocks.
    if (typeof firstBlock === 'bigint') return false;
    return count <= this.blockCount && firstBlock <= this.blockCount - count;
  }
}
