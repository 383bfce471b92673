import { struct, u16, u32, u64 } from './wire.js';

/** Payloads of requests, field by field. Every field can be made wrong. */

export function version(major: number, minor: number, json?: string, end = '\0'): Buffer {
  const text = json === undefined ? '' : json + end;
  return struct(u16(major), u16(minor), Buffer.from(text));
}

export interface DmaMapFields {
  readonly address: number | bigint;
  readonly size: number | bigint;
  readonly flags?: number;
  readonly offset?: number | bigint;
  readonly argsz?: number;
}

export function dmaMap({ address, size, flags = 3, offset = 0, argsz = 32 }: DmaMapFields): Buffer {
  return struct(u32(argsz), u32(flags), u64(offset), u64(address), u64(size));
}

export interface DmaUnmapFields {
  readonly address: number | bigint;
  readonly size: number | bigint;
  readonly flags?: number;
  readonly argsz?: number;
}

export function dmaUnmap({ address, size, flags = 0, argsz = 24 }: DmaUnmapFields): Buffer {
  return struct(u32(argsz), u32(flags), u64(address), u64(size));
}

/** With GET_DIRTY_BITMAP: what the client wants of the bitmap. */
export function dmaUnmapWithBitmap(
  fields: DmaUnmapFields,
  pgsize: number | bigint,
  bytes: number | bigint,
): Buffer {
  return struct(dmaUnmap({ flags: 1, ...fields }), u64(pgsize), u64(bytes));
}

export function deviceInfo(argsz = 16): Buffer {
  return struct(u32(argsz), u32(0), u32(0), u32(0));
}

/** Padded to argsz, as the reference client does. */
export function regionInfo(index: number, argsz = 32): Buffer {
  const fixed = struct(u32(argsz), u32(0), u32(index), u32(0), u64(0), u64(0));
  return struct(fixed, Buffer.alloc(Math.max(0, argsz - fixed.length)));
}

export function irqInfo(index: number, argsz = 16): Buffer {
  return struct(u32(argsz), u32(0), u32(index), u32(0));
}

export interface IoFdsFields {
  readonly argsz?: number;
  readonly flags?: number;
  readonly count?: number;
}

export function regionIoFds(
  index: number,
  { argsz = 16, flags = 0, count = 0 }: IoFdsFields = {},
): Buffer {
  return struct(u32(argsz), u32(flags), u32(index), u32(count));
}

export const DATA_NONE = 1;
export const DATA_BOOL = 2;
export const DATA_EVENTFD = 4;
export const ACTION_MASK = 8;
export const ACTION_UNMASK = 16;
export const ACTION_TRIGGER = 32;

export interface SetIrqsFields {
  readonly index: number;
  readonly flags: number;
  readonly start?: number;
  readonly count: number;
  readonly bools?: readonly number[];
  readonly argsz?: number;
}

export function setIrqs(fields: SetIrqsFields): Buffer {
  const { index, flags, start = 0, count, bools = [], argsz = 20 } = fields;
  return struct(u32(argsz), u32(flags), u32(index), u32(start), u32(count), Buffer.from(bools));
}

export function regionRead(region: number, offset: number | bigint, count: number): Buffer {
  return struct(u64(offset), u32(region), u32(count));
}

export function regionWrite(
  region: number,
  offset: number | bigint,
  data: Uint8Array,
  count = data.length,
): Buffer {
  return struct(u64(offset), u32(region), u32(count), data);
}

export const FEATURE_GET = 1 << 16;
export const FEATURE_SET = 1 << 17;
export const FEATURE_PROBE = 1 << 18;
export const MIGRATION = 1;
export const MIG_DEVICE_STATE = 2;
export const DMA_LOGGING_START = 6;
export const DMA_LOGGING_STOP = 7;
export const DMA_LOGGING_REPORT = 8;

export function deviceFeature(flags: number, data: Uint8Array, argsz = 8 + data.length): Buffer {
  return struct(u32(argsz), u32(flags), data);
}

export function migDataRead(size: number, argsz = 8 + size): Buffer {
  return struct(u32(argsz), u32(size));
}

export function migDataWrite(data: Uint8Array, size = data.length, argsz = 8 + size): Buffer {
  return struct(u32(argsz), u32(size), data);
}
