import { HEADER_TYPE_MASK } from '../constants.js';

/**
 * "Header": 16 bytes, little-endian, in front of every message: msg_id u16 at 0, command u16 at 2,
 * msg_size u32 at 4 (header included), flags u32 at 8, error_no u32 at 12.
 */
const COMMAND = 2;
const SIZE = 4;
const FLAGS = 8;
const ERROR_NO = 12;

export function headerId(view: DataView, start: number): number {
  return view.getUint16(start, true);
}

export function headerCommand(view: DataView, start: number): number {
  return view.getUint16(start + COMMAND, true);
}

/** Bytes of the whole message. */
export function headerSize(view: DataView, start: number): number {
  return view.getUint32(start + SIZE, true);
}

export function headerFlags(view: DataView, start: number): number {
  return view.getUint32(start + FLAGS, true);
}

/** The message type in the flags. */
export function headerType(flags: number): number {
  return flags & HEADER_TYPE_MASK;
}

export function headerErrno(view: DataView, start: number): number {
  return view.getUint32(start + ERROR_NO, true);
}

/** Write a header at the start of `view`. */
export function writeHeader(
  view: DataView,
  id: number,
  command: number,
  size: number,
  flags: number,
  errno: number,
): void {
  view.setUint16(0, id, true);
  view.setUint16(COMMAND, command, true);
  view.setUint32(SIZE, size, true);
  view.setUint32(FLAGS, flags, true);
  view.setUint32(ERROR_NO, errno, true);
}
