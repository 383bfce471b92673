/**
 * What a namespace stores its blocks in. Offsets and lengths are bytes, checked by the caller
 * against {@link Storage.size}. The access methods throw what the operating system says. None of
 * them holds up the event loop for long.
 */
export interface Storage {
  /** Bytes. */
  readonly size: number;
  readonly isReadOnly: boolean;
  /** Written data may be lost with the host until {@link flush}. */
  readonly hasVolatileCache: boolean;
  /** Absent when nothing can be given back. */
  readonly deallocation?: Deallocation | undefined;
  /**
   * Fill `targets` at once. False when that would mean to wait: then they hold anything, and
   * {@link read} is to be used.
   */
  tryRead(offset: number, targets: readonly Uint8Array[]): boolean;
  /** Write at once. False when that could mean to wait: then {@link write} is to be used. */
  tryWrite(offset: number, sources: readonly Uint8Array[]): boolean;
  /** `target` belongs to the storage until the promise ends. */
  read(offset: number, target: Uint8Array): Promise<void>;
  /** `source` must stay as it is until the promise ends. */
  write(offset: number, source: Uint8Array): Promise<void>;
  /** Make a range read as zeros, and give it back if that is wished and possible. */
  zero(offset: number, length: number, deallocate: boolean): void | Promise<void>;
  /** The range is not needed any more. */
  discard(offset: number, length: number): void | Promise<void>;
  /** Bytes that take room. */
  allocatedBytes(): number | Promise<number>;
  /** When it is done, everything written before is on stable storage. */
  flush(): void | Promise<void>;
  /**
   * Nobody waits for anything any more: the controller was reset. What has not begun is dropped,
   * and what comes later sees the storage only when all changes under way have ended.
   */
  abandon(): void;
  close(): void | Promise<void>;
}

/** What becomes of ranges that are given back. */
export interface Deallocation {
  /** They read as zeros, not as anything. */
  readonly readsZero: boolean;
  /** Bytes, aligned to as many, that are given back as one. */
  readonly granularity: number;
}
