import { MASK_BYTES } from './masking.js';

/** Opcodes (RFC 6455, section 5.2). */
export const Opcode = {
  CONTINUATION: 0,
  TEXT: 1,
  BINARY: 2,
  CLOSE: 8,
  PING: 9,
  PONG: 10,
} as const;

/** Status codes of a close (RFC 6455, section 7.4.1). */
export const CloseCode = {
  NORMAL: 1000,
  PROTOCOL_ERROR: 1002,
  UNACCEPTABLE: 1003,
  TOO_BIG: 1009,
} as const;

/** Codes of the protocol that stand for a close without one, and are never sent. */
const NEVER_SENT: readonly number[] = [1004, 1005, 1006, 1015];

/** Whether a frame may have this status code (RFC 6455, section 7.4). */
export function mayBeSent(code: number): boolean {
  const ofProtocol = code >= 1000 && code <= 1015 && !NEVER_SENT.includes(code);
  // Registered ones, and those of applications.
  return ofProtocol || (code >= 3000 && code <= 4999);
}

/** A peer broke the rules: it is told the code. */
export class WebSocketViolation extends Error {
  readonly code: number;

  constructor(message: string, code: number = CloseCode.PROTOCOL_ERROR) {
    super(message);
    this.code = code;
  }
}

/** Length of the longest header. */
export const MAX_HEADER_BYTES = 10 + MASK_BYTES;
/** Most payload of a control frame. */
export const MAX_CONTROL_BYTES = 125;

/** Values of the length field that say how long the field behind it is. */
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const FINAL = 0x80;
const MASKED = 0x80;

/** A header of a frame that is whole. */
export class FrameHeader {
  opcode = 0;
  final = false;
  masked = false;
  /** Of the header, bytes. */
  bytes = 0;
  /** Of the payload, bytes. */
  length = 0;
  readonly key = new Uint8Array(MASK_BYTES);

  /**
   * Parse the header at `start`, of which everything up to `end` is there.
   * @returns whether that was all of it.
   * @throws {WebSocketViolation}
   */
  parse(from: Uint8Array, start: number, end: number): boolean {
    if (end - start < 2) return false;
    const [first, second] = [from[start] as number, from[start + 1] as number];
    const field = second & ~MASKED;
    const extended = field === LENGTH_16 ? 2 : field === LENGTH_64 ? 8 : 0;
    this.masked = (second & MASKED) !== 0;
    this.bytes = 2 + extended + (this.masked ? MASK_BYTES : 0);
    if (end - start < this.bytes) return false;
    if ((first & 0x70) !== 0) throw new WebSocketViolation('a frame with reserved bits set');
    this.opcode = first & 0xf;
    this.final = (first & FINAL) !== 0;
    this.length = extended === 0 ? field : bigEndian(from, start + 2, extended);
    const key = start + this.bytes - MASK_BYTES;
    if (this.masked) for (let i = 0; i < MASK_BYTES; i++) this.key[i] = from[key + i] as number;
    return true;
  }
}

/**
 * Write the header of a message in one frame.
 * @param key of a masked one.
 * @returns where it ends.
 */
export function writeHeader(
  target: Uint8Array,
  opcode: number,
  length: number,
  key?: Uint8Array,
): number {
  const extended = length <= MAX_CONTROL_BYTES ? 0 : length < 0x1_0000 ? 2 : 8;
  const field = extended === 0 ? length : extended === 2 ? LENGTH_16 : LENGTH_64;
  target[0] = FINAL | opcode;
  target[1] = key === undefined ? field : MASKED | field;
  let rest = length;
  for (let i = 1 + extended; i > 1; i--) {
    target[i] = rest % 0x100;
    rest = Math.floor(rest / 0x100);
  }
  if (key === undefined) return 2 + extended;
  target.set(key, 2 + extended);
  return 2 + extended + MASK_BYTES;
}

function bigEndian(from: Uint8Array, start: number, length: number): number {
  let value = 0;
  for (let i = start; i < start + length; i++) value = value * 0x100 + (from[i] as number);
  return value;
}
