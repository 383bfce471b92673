import type { Frame } from '../../transport/transport.js';
import { FRAME_HEADER_BYTES, recordLength, writeFrameHeader } from './framing.js';

/**
 * Frames that concern one connection of a session that is resumed. They have no record, are not
 * counted and never sent again. Their data is, little-endian: at 8 the kind u32, at 12 a value u32,
 * at 16 the number of frames handled u64, at 24 what else the kind has.
 */
const KIND = FRAME_HEADER_BYTES;
const VALUE = 12;
const HANDLED = 16;
const LINK_FRAME_BYTES = 24;

export const LinkFrameKind = {
  /** Only tells how many frames were handled. */
  HANDLED: 1,
  /** Asks for a {@link KEEP_ALIVE_REPLY} with the same value. */
  KEEP_ALIVE: 2,
  KEEP_ALIVE_REPLY: 3,
  /** The session ends with this connection. */
  END: 4,
  /** Memory that the peer may access on this connection; the value is its number. */
  EXPOSED: 5,
  /** The memory with this number is out of reach. */
  WITHDRAWN: 6,
  /** All memory was named that is within reach. The value is the last access carried out. */
  ALL_EXPOSED: 7,
  /** Accesses to memory that the adapters do not reach, in order; the value is their number. */
  MEMORY_READ: 8,
  MEMORY_WRITE: 9,
  /** The access with this number was carried out, or is not allowed. */
  MEMORY_DONE: 10,
  MEMORY_REFUSED: 11,
} as const;

export type LinkFrameKind = (typeof LinkFrameKind)[keyof typeof LinkFrameKind];

export interface LinkFrame {
  /** Kinds that are not known are ignored. */
  readonly kind: number;
  readonly value: number;
  /** How many frames the sender has handled since the session began. */
  readonly handled: number;
  /** What else the kind has, valid as long as the frame. */
  readonly payload: Uint8Array;
}

/** Whether a frame is one of these. */
export function isLinkFrame({ view, start }: Frame): boolean {
  return recordLength(view, start) === 0;
}

/** Decode such a frame, `undefined` if it is malformed. */
export function decodeLinkFrame({ bytes, view, start, length }: Frame): LinkFrame | undefined {
  if (length < LINK_FRAME_BYTES) return undefined;
  return {
    kind: view.getUint32(start + KIND, true),
    value: view.getUint32(start + VALUE, true),
    handled: Number(view.getBigUint64(start + HANDLED, true)),
    payload: bytes.subarray(start + LINK_FRAME_BYTES, start + length),
  };
}

/**
 * Encode such a frame.
 * @param dataBytes bytes of the frame that are sent behind what is returned.
 */
export function encodeLinkFrame(
  kind: LinkFrameKind,
  value: number,
  handled: number,
  payload?: Uint8Array,
  dataBytes = 0,
): Uint8Array {
  const bytes = new Uint8Array(LINK_FRAME_BYTES + (payload?.length ?? 0));
  const view = new DataView(bytes.buffer);
  writeFrameHeader(view, bytes.length + dataBytes, 0);
  view.setUint32(KIND, kind, true);
  view.setUint32(VALUE, value, true);
  view.setBigUint64(HANDLED, BigInt(handled), true);
  if (payload !== undefined) bytes.set(payload, LINK_FRAME_BYTES);
  return bytes;
}
