import type { BlockAccess, MappableArea } from '@vfio-user/core';

/** Plain bytes behind a BAR. */
export class ScratchMemory implements BlockAccess {
  readonly bytes: Uint8Array;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
  }

  readBlock(offset: number, target: Uint8Array): void {
    target.set(this.bytes.subarray(offset, offset + target.length));
  }

  writeBlock(offset: number, source: Uint8Array): void {
    this.bytes.set(source, offset);
  }
}

/** The first and the last two quarters can be mapped; the second one is a hole, always trapped. */
export function mappableAreas(length: number): readonly MappableArea[] {
  const quarter = length / 4;
  return [
    { offset: 0, size: quarter },
    { offset: 2 * quarter, size: 2 * quarter },
  ];
}
