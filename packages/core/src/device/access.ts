/** Access sizes a register sees. Anything else is split by the core before it reaches a device. */
export type AccessSize = 1 | 2 | 4;

/**
 * Registers behind a region. Offsets are relative to the region, naturally aligned to `size`, and
 * inside the region. An 8-byte access arrives as two 4-byte accesses, low half first, unless
 * `read64`/`write64` are there; an unaligned or odd-sized one as the fewest aligned pieces.
 *
 * Callbacks answer at once and never throw for what a guest does: they do what hardware does
 * (ignore, all-ones). Work that needs guest memory is started here and runs afterwards.
 */
export interface RegisterAccess {
  read(offset: number, size: AccessSize): number;
  write(offset: number, size: AccessSize, value: number): void;
  read64?(offset: number): bigint;
  write64?(offset: number, value: bigint): void;
}

/** A region that is better served in blocks of bytes: memory, a buffer, a window. */
export interface BlockAccess {
  readBlock(offset: number, target: Uint8Array): void;
  writeBlock(offset: number, source: Uint8Array): void;
}
