import type { Iova } from '../address.js';

/** Access to a range of guest memory. */
export type DmaAccess = 'read' | 'write' | 'readwrite';

/**
 * Whether the reply to a later register read may overtake the write (`relaxed`) or not (`strict`).
 * `posted` is `relaxed` for a write that nobody waits for, as on PCI Express: where the client takes
 * such writes it is done when it is sent, and {@link Dma.onFault} tells if it is refused.
 */
export type WriteOrder = 'strict' | 'relaxed' | 'posted';

/**
 * Access to guest memory, checked against the client's mappings and their permissions.
 *
 * Ordering: writes become visible in the order issued, and an interrupt raised after a write is
 * seen after it, whether or not the write was awaited. The same holds for a register read after a
 * write, unless the write is `relaxed`. Use relaxed writes for large data: on a slow connection a
 * driver otherwise waits for all of it at each register read. No register may report a relaxed
 * write as done before its promise has resolved.
 */
export interface Dma {
  /**
   * Look up `length` bytes from `iova` on, and check the access.
   * @throws {DmaFaultError} ENOENT when part of it is not mapped, EACCES when the mapping does not
   * permit the access.
   */
  range(iova: Iova, length: number, access: DmaAccess): DmaRange;
  /** {@link range} and {@link DmaRange.view} in one, without an object that could be kept. */
  view(iova: Iova, length: number, access: DmaAccess): Uint8Array | undefined;
  /** {@link range} and {@link DmaRange.read} in one; every error rejects. */
  read(iova: Iova, target: Uint8Array): Promise<void>;
  /** {@link range} and {@link DmaRange.write} in one; every error rejects. */
  write(iova: Iova, source: Uint8Array, order?: WriteOrder): Promise<void>;
  /**
   * Cancel transfers that are not yet sent, for a reset: their promises reject. The others arrive
   * before the reply to any later register access. Of posted writes issued before, {@link onFault}
   * tells no more.
   */
  cancelWaiting(): void;
  /**
   * Called when the client has refused a `posted` write that was done for the device. What was written
   * after it is lost as well: a device cannot go on as if it had completed something.
   */
  onFault(listener: (error: Error) => void): void;
  /** Called when the client maps memory, before it gets the reply. For devices that keep caches. */
  onMap(listener: (iova: Iova, length: number) => void): void;
  /** Called when the client unmaps memory; it can still be read inside the listener. */
  onUnmap(listener: (iova: Iova, length: number) => void): void;
}

/**
 * A range of guest memory. It may be kept: if the client unmaps part of it, the next use looks it
 * up again and throws if it is gone.
 *
 * `read` and `write` always work. They return `undefined` if they are done, as in shared memory
 * with nothing to wait for, or `posted`; otherwise the buffer must stay untouched until the promise settles.
 * Large transfers are split to what the client accepts. They throw {@link DmaFaultError} as {@link
 * Dma.range} does, or with EFAULT when the host has no memory for it. The promise rejects with a
 * {@link DmaFaultError} when the range is unmapped meanwhile, a {@link RemoteError} when the client
 * refuses, `VFU_PEER_CLOSED` when it is gone.
 */
export interface DmaRange {
  readonly iova: Iova;
  /** Bytes. */
  readonly length: number;
  /** Whether `read` and `write` would complete synchronously now. */
  readonly local: boolean;
  /**
   * The memory itself, or `undefined` when it is not directly accessible in one piece. Do not keep
   * it across an `await`: after an unmap it reads zeros and its writes are lost.
   * @throws {DmaFaultError}
   */
  readonly view: Uint8Array | undefined;
  /** Read into `target` from `offset` bytes into the range. Default 0. */
  read(target: Uint8Array, offset?: number): Promise<void> | undefined;
  /** Write `source` at `offset` bytes into the range. Default 0. */
  write(source: Uint8Array, offset?: number, order?: WriteOrder): Promise<void> | undefined;
}

/** A ring in guest memory, such as a submission queue, and its doorbell register. */
export interface PushedRing {
  /** The doorbell register: the driver writes the index after the last new entry. */
  readonly region: number;
  readonly offset: number;
  readonly size: 1 | 2 | 4 | 8;
  /** Address of entry 0. */
  readonly address: Iova;
  readonly entryBytes: number;
  readonly entries: number;
}

/**
 * Rings whose new entries the client should send along with the doorbell write, so that the device
 * need not fetch them over a network. A hint: where the client does not support it, reads go to
 * guest memory.
 */
export interface PushRings {
  /**
   * Add a ring that is empty now.
   * @returns a function that removes it.
   */
  add(ring: PushedRing): () => void;
}
