/** Access sizes in bytes that a register sees. Other sizes are split before they reach a device. */
export type AccessSize = 1 | 2 | 4;

/**
 * Registers of a region. Offsets are relative to the region, naturally aligned to `size`, and
 * inside the region. An 8-byte access arrives as two 4-byte accesses, low half first, unless
 * `read64`/`write64` are implemented; an unaligned or odd-sized one as the fewest aligned pieces.
 *
 * Callbacks are synchronous and never throw for what a guest does: they behave as hardware does
 * (ignore, all ones). Work that needs guest memory is started here and completes later.
 */
export interface RegisterAccess {
  read(offset: number, size: AccessSize): number;
  write(offset: number, size: AccessSize, value: number): void;
  read64?(offset: number): bigint;
  write64?(offset: number, value: bigint): void;
}

/** A region that is accessed in blocks of bytes, such as memory or a buffer. */
export interface BlockAccess {
  readBlock(offset: number, target: Uint8Array): void;
  writeBlock(offset: number, source: Uint8Array): void;
}
