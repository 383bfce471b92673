/**
 * Where a namespace stores its blocks. Offsets and lengths are bytes, which the caller has checked against `size`. What
 * fails throws the operating system's error; nothing blocks the event loop for long.
 */
export interface Storage {
  /** Bytes. */
  readonly size: number;
  readonly isReadOnly: boolean;
  /** Written data may be lost with the host until {@link flush}. */
  readonly hasVolatileCache: boolean;
  /** Absent when deallocation is not supported. */
  readonly deallocation?: Deallocation | undefined;
  /** Fill `targets` without waiting. False when that is not possible: use {@link read}, their content is undefined. */
  tryRead(offset: number, targets: readonly Uint8Array[]): boolean;
  /** Write without waiting. False when that is not possible: use {@link write}. */
  tryWrite(offset: number, sources: readonly Uint8Array[]): boolean;
  /** `target` must not be touched until the promise settles. */
  read(offset: number, target: Uint8Array): Promise<void>;
  /** `source` must not change until the promise settles. */
  write(offset: number, source: Uint8Array): Promise<void>;
  /** Make a range read as zeros; deallocate it if asked and possible. */
  zero(offset: number, length: number, deallocate: boolean): void | Promise<void>;
  /** Deallocate a range whose content is no longer needed. */
  discard(offset: number, length: number): void | Promise<void>;
  /** Bytes allocated. */
  allocatedBytes(): number | Promise<number>;
  /** Put everything written before on stable storage. */
  flush(): void | Promise<void>;
  /**
   * Nobody waits for anything any more: the controller was reset. What has not begun is dropped,
   * and what comes later sees the storage only when all changes under way have ended.
   */
  abandon(): void;
  close(): void | Promise<void>;
}

/** Properties of deallocated ranges. */
export interface Deallocation {
  /** They read as zeros. */
  readonly readsZero: boolean;
  /** Unit and alignment of deallocation, bytes. */
  readonly granularity: number;
}
