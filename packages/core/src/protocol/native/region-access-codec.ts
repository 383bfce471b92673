import type { Command } from '../enums.js';
import type { RegionAccess } from '../messages.js';
import type { NativeBodyCodec, NativeCommandCodec } from './codec.js';
import type { MessageWriter } from './message-writer.js';
import type { PayloadReader } from './payload-reader.js';

/** "REGION_READ" and "REGION_WRITE": offset u64 at 0, region u32 at 8, count u32 at 12, data from 16. */
const ACCESS_BYTES = 16;

function decodeAccess(payload: PayloadReader): RegionAccess {
  return { offset: payload.uint64(0), region: payload.uint32(8), count: payload.uint32(12) };
}

function encodeAccess(out: MessageWriter, body: RegionAccess): void {
  out.begin(ACCESS_BYTES);
  out.uint64(0, body.offset);
  out.uint32(8, body.region);
  out.uint32(12, body.count);
}

const access: NativeBodyCodec<RegionAccess> = {
  minBytes: ACCESS_BYTES,
  decode: decodeAccess,
  encode: encodeAccess,
};

export const regionRead: NativeCommandCodec<typeof Command.REGION_READ> = {
  request: access,

  reply: {
    minBytes: 0,

    decode(payload) {
      if (payload.length === 0) return undefined;
      if (payload.length < ACCESS_BYTES) return `a payload of ${payload.length} bytes`;
      const count = payload.uint32(12);
      const there = payload.length - ACCESS_BYTES;
      if (count > there) return `count is ${count} with ${there} bytes of data`;
      return {
        offset: payload.uint64(0),
        region: payload.uint32(8),
        count,
        data: payload.bytes(ACCESS_BYTES, count),
      };
    },

    encode(out, body) {
      if (body === undefined) {
        out.begin(0);
      } else {
        encodeAccess(out, body);
        out.data(body.data);
      }
    },
  },
};

export const regionWrite: NativeCommandCodec<typeof Command.REGION_WRITE> = {
  request: {
    minBytes: ACCESS_BYTES,

    decode(payload) {
      const count = payload.uint32(12);
      const there = payload.length - ACCESS_BYTES;
      if (count !== there) return `count is ${count} with ${there} bytes of data`;
      return {
        offset: payload.uint64(0),
        region: payload.uint32(8),
        count,
        data: payload.bytes(ACCESS_BYTES, count),
      };
    },

    encode(out, body) {
      encodeAccess(out, body);
      out.data(body.data);
    },
  },

  reply: {
    minBytes: 0,

    decode(payload) {
      if (payload.length === 0) return undefined;
      if (payload.length < ACCESS_BYTES) return `a payload of ${payload.length} bytes`;
      return decodeAccess(payload);
    },

    encode(out, body) {
      if (body === undefined) out.begin(0);
      else encodeAccess(out, body);
    },
  },
};
