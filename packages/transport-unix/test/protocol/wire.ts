/**
 * The wire as these tests see it: numbers and layouts written down a second time, independently of
 * the code under test.
 */

export const VERSION = 1;
export const DMA_MAP = 2;
export const DMA_UNMAP = 3;
export const DEVICE_GET_INFO = 4;
export const DEVICE_GET_REGION_INFO = 5;
export const DEVICE_GET_REGION_IO_FDS = 6;
export const DEVICE_GET_IRQ_INFO = 7;
export const DEVICE_SET_IRQS = 8;
export const REGION_READ = 9;
export const REGION_WRITE = 10;
export const DMA_READ = 11;
export const DMA_WRITE = 12;
export const DEVICE_RESET = 13;
export const REGION_WRITE_MULTI = 15;
export const DEVICE_FEATURE = 16;
export const MIG_DATA_READ = 17;
export const MIG_DATA_WRITE = 18;

export const REPLY = 0x1;
export const NO_REPLY = 0x10;
export const ERROR = 0x20;

export const ENOENT = 2;
export const EIO = 5;
export const EACCES = 13;
export const EBUSY = 16;
export const EEXIST = 17;
export const EINVAL = 22;
export const ENOTTY = 25;
export const ENOSPC = 28;
export const ECANCELED = 125;

export const HEADER_BYTES = 16;
export const PAGE = 4096;
export const MIB = 0x10_0000;

export const CONFIG = 7;
export const INTX = 0;
export const MSI = 1;
export const MSIX = 2;
export const ERR = 3;
export const REQ = 4;

export function u16(value: number): Buffer {
  const field = Buffer.alloc(2);
  field.writeUInt16LE(value);
  return field;
}

export function u32(value: number): Buffer {
  const field = Buffer.alloc(4);
  field.writeUInt32LE(value);
  return field;
}

export function u64(value: number | bigint): Buffer {
  const field = Buffer.alloc(8);
  field.writeBigUInt64LE(BigInt(value));
  return field;
}

/** Fields one after the other, without padding. */
export function struct(...fields: readonly Uint8Array[]): Buffer {
  return Buffer.concat(fields);
}

export interface FrameOptions {
  readonly id?: number;
  readonly flags?: number;
  /** What the header says; the truth when absent. */
  readonly size?: number;
  readonly errno?: number;
}

/** A header and what follows it. */
export function frame(
  command: number,
  payload: Uint8Array = Buffer.alloc(0),
  { id = 0, flags = 0, size = HEADER_BYTES + payload.length, errno = 0 }: FrameOptions = {},
): Buffer {
  return struct(u16(id), u16(command), u32(size), u32(flags), u32(errno), payload);
}
