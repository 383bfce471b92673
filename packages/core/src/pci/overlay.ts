import type { BlockAccess } from '../device/access.js';
import type { RegionDefinition } from '../device/device.js';
import { readRegion, writeRegion } from '../device/region.js';
import type { RegisterWindow } from './register-set.js';

/** A region with ranges that are not served by the device. */
export class Overlay implements BlockAccess {
  readonly #below: RegionDefinition;
  /** By ascending offset, not overlapping. */
  readonly #windows: readonly RegisterWindow[];

  constructor(below: RegionDefinition, windows: readonly RegisterWindow[]) {
    this.#below = below;
    this.#windows = [...windows].sort((a, b) => a.offset - b.offset);
  }

  readBlock(offset: number, target: Uint8Array): void {
    const end = offset + target.length;
    let at = offset;
    for (const window of this.#windows) {
      const from = Math.max(at, window.offset);
      const to = Math.min(end, window.offset + window.length);
      if (from >= to) continue;
      if (at < from) readRegion(this.#below, at, target.subarray(at - offset, from - offset));
      window.access.readBlock(from - window.offset, target.subarray(from - offset, to - offset));
      at = to;
    }
    if (at === offset) readRegion(this.#below, offset, target);
    else if (at < end) readRegion(this.#below, at, target.subarray(at - offset));
  }

  writeBlock(offset: number, source: Uint8Array): void {
    const end = offset + source.length;
    let at = offset;
    for (const window of this.#windows) {
      const from = Math.max(at, window.offset);
      const to = Math.min(end, window.offset + window.length);
      if (from >= to) continue;
      if (at < from) writeRegion(this.#below, at, source.subarray(at - offset, from - offset));
      window.access.writeBlock(from - window.offset, source.subarray(from - offset, to - offset));
      at = to;
    }
    if (at === offset) writeRegion(this.#below, offset, source);
    else if (at < end) writeRegion(this.#below, at, source.subarray(at - offset));
  }
}
