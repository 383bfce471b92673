import { ProtocolViolationError } from '../../errors.js';
import type { AdapterProgress, ExposedRange } from '../../transport/one-sided.js';
import { MAX_EXPOSED_RANGES } from './dma-mapping-codec.js';

/**
 * What link frames about memory have behind their common part, little-endian. EXPOSED has ranges,
 * in order and without overlap: offset u64, length u64, address u64, key u32, 0 u32.
 */
const RANGE_BYTES = 32;
/** ALL_EXPOSED has for each earlier connection whose end is known, newest first: number u32, position u32. */
const PROGRESS_BYTES = 8;
/** Most of those. */
export const MAX_PROGRESSES = 8;
/** MEMORY_READ and MEMORY_WRITE have: memory u32, length u32, offset u64, and the data written. */
const ACCESS_BYTES = 16;

/** Most bytes of one access. */
export const MAX_ACCESS_BYTES = 0x1_0000;

/** An access to memory by frames. */
export interface MemoryAccess {
  /** Number of the memory. */
  readonly memory: number;
  readonly offset: number;
  readonly length: number;
  /** Of a write. */
  readonly data: Uint8Array;
}

export function encodeRanges(ranges: readonly ExposedRange[]): Uint8Array {
  const bytes = new Uint8Array(ranges.length * RANGE_BYTES);
  const view = new DataView(bytes.buffer);
  ranges.forEach(({ offset, length, address, key }, i) => {
    const at = i * RANGE_BYTES;
    view.setBigUint64(at, BigInt(offset), true);
    view.setBigUint64(at + 8, BigInt(length), true);
    view.setBigUint64(at + 16, BigInt(address), true);
    view.setUint32(at + 24, key, true);
  });
  return bytes;
}

/** @throws {ProtocolViolationError} when they make no sense. */
export function decodeRanges(bytes: Uint8Array): readonly ExposedRange[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = bytes.length / RANGE_BYTES;
  if (!Number.isInteger(count) || count > MAX_EXPOSED_RANGES) {
    throw new ProtocolViolationError(`${bytes.length} bytes of ranges of exposed memory`);
  }
  const ranges: ExposedRange[] = [];
  let end = 0;
  for (let at = 0; at < bytes.length; at += RANGE_BYTES) {
    const [offset, length, address] = [0, 8, 16].map((field) =>
      Number(view.getBigUint64(at + field, true)),
    ) as [number, number, number];
    if (offset < end || length === 0 || !isSafe(offset + length) || !isSafe(address + length)) {
      const text = `an exposed range [${offset}, +${length}) at ${address} makes no sense`;
      throw new ProtocolViolationError(text);
    }
    end = offset + length;
    ranges.push({ offset, length, address, key: view.getUint32(at + 24, true) });
  }
  return ranges;
}

export function encodeProgresses(progresses: readonly AdapterProgress[]): Uint8Array {
  const bytes = new Uint8Array(progresses.length * PROGRESS_BYTES);
  const view = new DataView(bytes.buffer);
  progresses.forEach(({ id, position }, i) => {
    view.setUint32(i * PROGRESS_BYTES, id, true);
    view.setUint32(i * PROGRESS_BYTES + 4, position, true);
  });
  return bytes;
}

/** @throws {ProtocolViolationError} when they make no sense. */
export function decodeProgresses(bytes: Uint8Array): readonly AdapterProgress[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = bytes.length / PROGRESS_BYTES;
  if (!Number.isInteger(count) || count > MAX_PROGRESSES) {
    throw new ProtocolViolationError(`${bytes.length} bytes about earlier connections`);
  }
  return Array.from({ length: count }, (_, i) => {
    const at = i * PROGRESS_BYTES;
    return { id: view.getUint32(at, true), position: view.getUint32(at + 4, true) };
  });
}

/** The head of an access; the data of a write follow it. */
export function encodeAccess(memory: number, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(ACCESS_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, memory, true);
  view.setUint32(4, length, true);
  view.setBigUint64(8, BigInt(offset), true);
  return bytes;
}

/** @throws {ProtocolViolationError} when it is malformed. */
export function decodeAccess(bytes: Uint8Array, writes: boolean): MemoryAccess {
  if (bytes.length < ACCESS_BYTES) throw new ProtocolViolationError('half an access to memory');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = view.getUint32(4, true);
  const data = bytes.subarray(ACCESS_BYTES);
  if (length > MAX_ACCESS_BYTES || data.length !== (writes ? length : 0)) {
    const text = `an access to ${length} bytes of memory with ${data.length} bytes of data`;
    throw new ProtocolViolationError(text);
  }
  const offset = Number(view.getBigUint64(8, true));
  return { memory: view.getUint32(0, true), offset, length, data };
}

function isSafe(end: number): boolean {
  return end <= Number.MAX_SAFE_INTEGER;
}
