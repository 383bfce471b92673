/**
 * What a namespace stores its blocks in. Offsets and lengths are bytes, checked by the caller
 * against {@link Storage.size}. The access methods throw what the operating system says.
 */
export interface Storage {
  /** Bytes. */
  readonly size: number;
  readonly isReadOnly: boolean;
  /** Written data may be lost with the host until {@link flush}. */
  readonly hasVolatileCache: boolean;
  /** What {@link discard} touched reads as zeros. */
  readonly discardReadsZero: boolean;
  read(offset: number, target: Uint8Array): void;
  write(offset: number, source: Uint8Array): void;
  /** Longest range that {@link zero} does without holding up everything else, bytes. */
  readonly zeroSliceBytes: number;
  /** Make a range read as zeros. */
  zero(offset: number, length: number): void;
  /** The range is not needed any more. */
  discard(offset: number, length: number): void;
  /** When it is done, everything written before is on stable storage. */
  flush(): void | Promise<void>;
  close(): void;
}
