import type { Version } from '../messages.js';
import type { NativeBodyCodec } from './codec.js';

/** "VERSION": major u16 at 0, minor u16 at 2, JSON text with its NUL from 4, which may be missing. */
const HEAD_BYTES = 4;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export const version: NativeBodyCodec<Version> = {
  minBytes: HEAD_BYTES,

  decode(payload) {
    const major = payload.uint16(0);
    const minor = payload.uint16(2);
    if (payload.length === HEAD_BYTES) return { major, minor };
    const text = payload.bytes(HEAD_BYTES, payload.length - HEAD_BYTES);
    if (text[text.length - 1] !== 0) return 'the version data does not end with a NUL';
    return { major, minor, capabilities: decoder.decode(text.subarray(0, text.indexOf(0))) };
  },

  encode(out, { major, minor, capabilities }) {
    const text = capabilities === undefined ? undefined : encoder.encode(`${capabilities}\0`);
    out.begin(HEAD_BYTES + (text?.length ?? 0));
    out.uint16(0, major);
    out.uint16(2, minor);
    if (text !== undefined) out.copy(HEAD_BYTES, text);
  },
};
