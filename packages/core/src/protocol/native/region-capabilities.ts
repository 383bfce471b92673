import { REGION_CAP_SPARSE_MMAP } from '../constants.js';
import type { Decoded } from '../encoding.js';
import type { SparseArea } from '../messages.js';
import { REGION_INFO_BYTES, SPARSE_AREA_BYTES, SPARSE_HEAD_BYTES } from '../struct-sizes.js';
import type { MessageWriter } from './message-writer.js';
import type { PayloadReader } from './payload-reader.js';

/** "VFIO cap header": id u16 at 0, version u16 at 2, next u32 at 4 (from the payload's start, 0: last). */
const CAP_HEADER_BYTES = 8;

const SPARSE_VERSION = 1;

/**
 * Bytes of a "VFIO region info cap sparse mmap": nr_areas u32 at 8, reserved u32 at 12, areas from
 * 16, each offset u64 at 0, size u64 at 8.
 */
export function sparseBytes(areas: readonly SparseArea[]): number {
  return SPARSE_HEAD_BYTES + SPARSE_AREA_BYTES * areas.length;
}

/** Write the only capability of a region: sparse mmap. */
export function encodeSparse(out: MessageWriter, at: number, areas: readonly SparseArea[]): void {
  out.uint16(at, REGION_CAP_SPARSE_MMAP);
  out.uint16(at + 2, SPARSE_VERSION);
  out.uint32(at + 4, 0);
  out.uint32(at + 8, areas.length);
  out.uint32(at + 12, 0);
  let area = at + SPARSE_HEAD_BYTES;
  for (const { offset, size } of areas) {
    out.uint64(area, offset);
    out.uint64(area + 8, size);
    area += SPARSE_AREA_BYTES;
  }
}

/** Follow the chain from `first` to the sparse mmap capability, skipping unknown ones. */
export function decodeSparse(
  payload: PayloadReader,
  first: number,
): Decoded<SparseArea[] | undefined> {
  // Capabilities do not overlap, so a longer chain is a loop.
  let left = Math.floor(payload.length / CAP_HEADER_BYTES);
  for (let at = first; at !== 0; at = payload.uint32(at + 4)) {
    if (at < REGION_INFO_BYTES || at + CAP_HEADER_BYTES > payload.length) {
      return `a capability at ${at} in a payload of ${payload.length} bytes`;
    }
    if (left-- === 0) return 'the chain of capabilities has no end';
    if (
      payload.uint16(at) === REGION_CAP_SPARSE_MMAP &&
      payload.uint16(at + 2) === SPARSE_VERSION
    ) {
      return decodeAreas(payload, at);
    }
  }
  return undefined;
}

function decodeAreas(payload: PayloadReader, at: number): Decoded<SparseArea[]> {
  const room = payload.length - at - SPARSE_HEAD_BYTES;
  if (room < 0) return 'a sparse mmap capability cut short';
  const count = payload.uint32(at + 8);
  if (count > room / SPARSE_AREA_BYTES) return `${count} sparse areas in ${room} bytes`;
  const areas: SparseArea[] = [];
  for (let i = 0; i < count; i++) {
    const area = at + SPARSE_HEAD_BYTES + i * SPARSE_AREA_BYTES;
    areas.push({ offset: payload.uint64(area), size: payload.uint64(area + 8) });
  }
  return areas;
}
