import type { MappableArea, RegionDefinition } from '../device/device.js';
import { isInRange } from '../device/region.js';
import { hex, invalid } from './invalid.js';
import { SMALLEST_PAGE_BYTES } from './mappable-areas.js';

/** A range that the core serves and that must stay trapped. */
interface TrappedRange {
  readonly offset: number;
  readonly length: number;
}

/**
 * Check mappable areas and I/O events of a region.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID`
 */
export function validateRegion(
  name: string,
  region: RegionDefinition,
  trapped: readonly TrappedRange[],
): void {
  for (const { offset, size } of region.ioEvents ?? []) {
    if (!isInRange(offset, size, region.size)) {
      invalid(`${name}: I/O event of ${size} bytes at ${hex(offset)} is outside the region`);
    }
  }
  const areas = region.mappable ?? [];
  if (areas.length === 0) return;
  const { memory } = region;
  if (memory === undefined) invalid(`${name}: mappable areas need memory behind the region`);
  let previousEnd = 0;
  for (const area of [...areas].sort((a, b) => a.offset - b.offset)) {
    const text = `${name}: mappable area of ${area.size} bytes at ${hex(area.offset)}`;
    checkArea(text, area, region, memory.bytes.length);
    if (area.offset < previousEnd) invalid(`${text} overlaps another one`);
    previousEnd = area.offset + area.size;
    for (const range of trapped) {
      if (
        area.offset < pageUp(range.offset + range.length) &&
        previousEnd > pageDown(range.offset)
      ) {
        invalid(`${text} shares a page with the MSI-X structures at ${hex(range.offset)}`);
      }
    }
  }
}

function checkArea(
  text: string,
  area: MappableArea,
  region: RegionDefinition,
  bytes: number,
): void {
  const { offset, size } = area;
  if (!(size > 0) || size % SMALLEST_PAGE_BYTES !== 0 || offset % SMALLEST_PAGE_BYTES !== 0) {
    invalid(`${text} is not made of whole pages of ${SMALLEST_PAGE_BYTES} bytes`);
  }
  if (!isInRange(offset, size, region.size)) {
    invalid(`${text} is outside the region of ${region.size} bytes`);
  }
  if (!isInRange(offset, size, bytes)) {
    invalid(`${text} is outside its memory of ${bytes} bytes`);
  }
}

function pageDown(offset: number): number {
  return offset - (offset % SMALLEST_PAGE_BYTES);
}

function pageUp(offset: number): number {
  return pageDown(offset + SMALLEST_PAGE_BYTES - 1);
}
