import type { Decoded } from '../encoding.js';
import type { Command } from '../enums.js';
import type { DmaData, DmaRead } from '../messages.js';
import type { NativeCommandCodec } from './codec.js';
import type { MessageWriter } from './message-writer.js';
import type { PayloadReader } from './payload-reader.js';

/** "DMA_READ" and "DMA_WRITE": address u64 at 0, count u64 at 8, data from 16. */
const ACCESS_BYTES = 16;

/** A DMA_WRITE reply with a u32 count, as earlier texts of the specification have it. */
const SHORT_REPLY_BYTES = 12;

function decodeAccess(payload: PayloadReader): Decoded<DmaRead> {
  const count = payload.uint64(8);
  if (!Number.isSafeInteger(count)) return `count is ${count}`;
  return { address: payload.iova(0), count };
}

function decodeData(payload: PayloadReader, count: number): DmaData {
  return { address: payload.iova(0), count, data: payload.bytes(ACCESS_BYTES, count) };
}

function encodeAccess(out: MessageWriter, body: DmaRead): void {
  out.begin(ACCESS_BYTES);
  out.uint64(0, body.address);
  out.uint64(8, body.count);
}

function encodeData(out: MessageWriter, body: DmaData): void {
  encodeAccess(out, body);
  out.data(body.data);
}

export const dmaRead: NativeCommandCodec<typeof Command.DMA_READ> = {
  request: {
    minBytes: ACCESS_BYTES,
    decode: decodeAccess,
    encode: encodeAccess,
  },

  reply: {
    minBytes: ACCESS_BYTES,

    decode(payload) {
      const count = payload.uint64(8);
      const there = payload.length - ACCESS_BYTES;
      if (count > there) return `count is ${count} with ${there} bytes of data`;
      return decodeData(payload, count);
    },

    encode: encodeData,
  },
};

export const dmaWrite: NativeCommandCodec<typeof Command.DMA_WRITE> = {
  request: {
    minBytes: ACCESS_BYTES,

    decode(payload) {
      const count = payload.uint64(8);
      const there = payload.length - ACCESS_BYTES;
      if (count !== there) return `count is ${count} with ${there} bytes of data`;
      return decodeData(payload, count);
    },

    encode: encodeData,
  },

  reply: {
    minBytes: 0,

    decode(payload) {
      if (payload.length >= ACCESS_BYTES) return decodeAccess(payload);
      if (payload.length === SHORT_REPLY_BYTES) {
        return { address: payload.iova(0), count: payload.uint32(8) };
      }
      return payload.length === 0 ? undefined : `a payload of ${payload.length} bytes`;
    },

    encode(out, body) {
      if (body === undefined) out.begin(0);
      else encodeAccess(out, body);
    },
  },
};
