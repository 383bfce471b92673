import type { EncodedMessage } from '../../src/protocol/encoding.js';
import type { Frame } from '../../src/transport/transport.js';

/** Bytes written out in hexadecimal; white space is layout. */
export function hex(text: string): Buffer {
  return Buffer.from(text.replace(/\s+/g, ''), 'hex');
}

/** 32-bit fields, little-endian. */
export function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => void bytes.writeUInt32LE(value, 4 * i));
  return bytes;
}

/** A message in hexadecimal, no spaces. */
export function hexText(message: EncodedMessage): string {
  return Buffer.concat([message.head, message.data ?? Buffer.alloc(0)]).toString('hex');
}

/** A frame in the middle of a receive buffer, as transports hand them out. */
export function frameOf(bytes: Uint8Array): Frame {
  const start = 7;
  const buffer = new Uint8Array(start + bytes.length + 5).fill(0xee);
  buffer.set(bytes, start);
  return {
    bytes: buffer,
    view: new DataView(buffer.buffer),
    start,
    length: bytes.length,
    descriptors: [],
  };
}

/** A frame with a right header around `payload`. */
export function frameWith(
  command: number,
  payload: Uint8Array,
  { flags = 0, id = 0x1234 }: { flags?: number; id?: number } = {},
): Frame {
  const bytes = Buffer.alloc(16 + payload.length);
  bytes.writeUInt16LE(id, 0);
  bytes.writeUInt16LE(command, 2);
  bytes.writeUInt32LE(bytes.length, 4);
  bytes.writeUInt32LE(flags, 8);
  bytes.set(payload, 16);
  return frameOf(bytes);
}
