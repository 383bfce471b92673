import { DMA_UNMAP_GET_DIRTY_BITMAP } from '../constants.js';
import type { Decoded } from '../encoding.js';
import type { Command } from '../enums.js';
import type { DmaMap, DmaUnmap, DmaUnmapReply } from '../messages.js';
import { DMA_MAP_BYTES, DMA_UNMAP_BITMAP_BYTES, DMA_UNMAP_BYTES } from '../struct-sizes.js';
import { argszFault, type NativeBodyCodec, type NativeCommandCodec, nothing } from './codec.js';
import type { MessageWriter } from './message-writer.js';
import type { PayloadReader } from './payload-reader.js';

/** "DMA_MAP": argsz u32 at 0, flags u32 at 4, offset u64 at 8, address u64 at 16, size u64 at 24. */
const mapRequest: NativeBodyCodec<DmaMap> = {
  minBytes: DMA_MAP_BYTES,

  decode(payload) {
    const argsz = payload.uint32(0);
    return (
      argszFault(argsz, DMA_MAP_BYTES) ?? {
        argsz,
        flags: payload.uint32(4),
        offset: payload.bigUint64(8),
        address: payload.iova(16),
        size: payload.iova(24),
      }
    );
  },

  encode(out, body) {
    out.begin(DMA_MAP_BYTES);
    out.uint32(0, body.argsz);
    out.uint32(4, body.flags);
    out.uint64(8, body.offset);
    out.uint64(16, body.address);
    out.uint64(24, body.size);
  },
};

/**
 * "DMA_UNMAP": argsz u32 at 0, flags u32 at 4, address u64 at 8, size u64 at 16. With
 * GET_DIRTY_BITMAP: pgsize u64 at 24, size u64 at 32, in a reply the bits from 40.
 */
function decodeUnmap(payload: PayloadReader): Decoded<DmaUnmap> {
  const flags = payload.uint32(4);
  const entry = {
    argsz: payload.uint32(0),
    flags,
    address: payload.iova(8),
    size: payload.iova(16),
  };
  if ((flags & DMA_UNMAP_GET_DIRTY_BITMAP) === 0) return entry;
  if (payload.length < DMA_UNMAP_BITMAP_BYTES)
    return 'GET_DIRTY_BITMAP without a bitmap description';
  return { ...entry, bitmap: { pgsize: payload.iova(24), size: payload.iova(32) } };
}

function encodeUnmap(out: MessageWriter, body: DmaUnmap): void {
  out.begin(body.bitmap === undefined ? DMA_UNMAP_BYTES : DMA_UNMAP_BITMAP_BYTES);
  out.uint32(0, body.argsz);
  out.uint32(4, body.flags);
  out.uint64(8, body.address);
  out.uint64(16, body.size);
  if (body.bitmap !== undefined) {
    out.uint64(24, body.bitmap.pgsize);
    out.uint64(32, body.bitmap.size);
  }
}

const unmapRequest: NativeBodyCodec<DmaUnmap> = {
  minBytes: DMA_UNMAP_BYTES,

  decode(payload) {
    const body = decodeUnmap(payload);
    if (typeof body === 'string') return body;
    // The size of the bitmap depends on the mapping: the server checks it.
    const least = body.bitmap === undefined ? DMA_UNMAP_BYTES : DMA_UNMAP_BITMAP_BYTES;
    return argszFault(body.argsz, least) ?? body;
  },

  encode: encodeUnmap,
};

const unmapReply: NativeBodyCodec<DmaUnmapReply> = {
  minBytes: DMA_UNMAP_BYTES,

  decode(payload) {
    const body = decodeUnmap(payload);
    if (typeof body === 'string' || body.bitmap === undefined) return body;
    const there = payload.length - DMA_UNMAP_BITMAP_BYTES;
    if (there === 0) return body;
    const { size } = body.bitmap;
    if (size > there) return `a bitmap of ${size} bytes with ${there} bytes behind it`;
    return { ...body, bits: payload.bytes(DMA_UNMAP_BITMAP_BYTES, Number(size)) };
  },

  encode(out, body) {
    encodeUnmap(out, body);
    if (body.bits !== undefined) out.data(body.bits);
  },
};

export const dmaMap: NativeCommandCodec<typeof Command.DMA_MAP> = {
  request: mapRequest,
  reply: nothing,
};

export const dmaUnmap: NativeCommandCodec<typeof Command.DMA_UNMAP> = {
  request: unmapRequest,
  reply: unmapReply,
};
