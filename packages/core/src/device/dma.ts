import type { Iova } from '../address.js';

/** What a device wants to do with a range of guest memory. */
export type DmaAccess = 'read' | 'write' | 'readwrite';

/**
 * Whether a register read that is answered after a write was issued is answered behind it (`strict`),
 * or may be ahead of a write that has not left yet (`relaxed`).
 */
export type WriteOrder = 'strict' | 'relaxed';

/**
 * Guest memory. Every access is checked against what the client mapped and its permissions.
 *
 * Ordering: writes become visible in the order issued, and an interrupt raised after a write is
 * seen after it, whether or not the write was awaited. So is a register that is read after it, unless
 * the write is `relaxed`: then it may be ahead of writes that have not left yet. Large data on a slow
 * line should be relaxed, as otherwise a driver waits for all of it whenever it reads a register. No
 * register may tell of a relaxed write before its promise has resolved.
 */
export interface Dma {
  /**
   * Look up `length` bytes from `iova` on, and check that they may be accessed like this.
   * @throws {DmaFaultError} ENOENT when the client did not map all of it, EACCES when it did, but
   * not with this permission.
   */
  range(iova: Iova, length: number, access: DmaAccess): DmaRange;
  /** {@link range} and {@link DmaRange.read} in one; whatever goes wrong rejects. */
  read(iova: Iova, target: Uint8Array): Promise<void>;
  /** {@link range} and {@link DmaRange.write} in one; whatever goes wrong rejects. */
  write(iova: Iova, source: Uint8Array, order?: WriteOrder): Promise<void>;
  /**
   * Transfers that have not left yet never will, as those of a device that is reset: their promises
   * reject. What is left arrives before the reply to any register access of later.
   */
  cancelWaiting(): void;
  /** Runs when the client maps memory, before it is told so. For devices that keep caches. */
  onMap(listener: (iova: Iova, length: number) => void): void;
  /** Runs when the client unmaps memory; the memory is still readable inside the listener. */
  onUnmap(listener: (iova: Iova, length: number) => void): void;
}

/**
 * A range of guest memory that was looked up. May be kept: where the client unmaps something of it,
 * the next use looks it up again, and throws when it is not there any more.
 *
 * `read` and `write` work everywhere. They are done when they return `undefined`, as in shared memory
 * with nothing to wait for; otherwise the bytes must stay untouched until the promise settles. Large
 * transfers are cut to what the client accepts. What is wrong from the start is thrown:
 * {@link DmaFaultError} as by {@link Dma.range}, or EFAULT when the host has no memory for it. The
 * promise rejects with a {@link DmaFaultError} when the range is unmapped meanwhile, a
 * {@link RemoteError} when the client refuses, `VFU_PEER_CLOSED` when it is gone.
 */
export interface DmaRange {
  readonly iova: Iova;
  /** Bytes. */
  readonly length: number;
  /** Whether `read` and `write` would be done at once now. */
  readonly local: boolean;
  /**
   * The memory itself, or `undefined` when it cannot be reached in one piece at once. Do not keep it
   * across an `await`: once the client unmaps the range it reads zeros and its writes are lost (but
   * it never becomes dangerous).
   * @throws {DmaFaultError}
   */
  readonly view: Uint8Array | undefined;
  /** Fill `target` from `offset` bytes into the range on, 0 when absent. */
  read(target: Uint8Array, offset?: number): Promise<void> | undefined;
  /** Copy `source` to `offset` bytes into the range, 0 when absent. */
  write(source: Uint8Array, offset?: number, order?: WriteOrder): Promise<void> | undefined;
}

/** A ring in guest memory, for example a submission queue, and the register that announces entries. */
export interface PushedRing {
  /** The doorbell: the driver writes the index behind the last new entry. */
  readonly region: number;
  readonly offset: number;
  readonly size: 1 | 2 | 4 | 8;
  /** Of entry 0. */
  readonly address: Iova;
  readonly entryBytes: number;
  readonly entries: number;
}

/**
 * Rings whose new entries the device wants along with the doorbell, so that it need not fetch them
 * over a network. A wish: where the client does not push, the same reads go to guest memory.
 */
export interface PushRings {
  /** Ask for a ring that is empty now. @returns what takes the wish back. */
  add(ring: PushedRing): () => void;
}
