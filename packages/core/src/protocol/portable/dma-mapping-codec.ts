import { z } from 'zod';
import { type Command, DMA_UNMAP_GET_DIRTY_BITMAP } from '../constants.js';
import type { Decoded } from '../encoding.js';
import type { DmaMap, DmaUnmap, DmaUnmapReply } from '../messages.js';
import { body, type PortableBodyCodec, type PortableCommandCodec } from './codec.js';
import { bits64, size, uint32, uint64 } from './fields.js';

/** What argsz is with the native encoding: exactly what the message takes there. */
const MAP_ARGSZ = 32;
const UNMAP_ARGSZ = 24;
const UNMAP_BITMAP_ARGSZ = 40;
const MAX_ARGSZ = 0xffff_ffff;

/** Most pieces of a mapping that can be exposed. */
export const MAX_EXPOSED_RANGES = 256;

const mapSchema = z.object({
  flags: uint32,
  offset: bits64,
  address: uint64,
  size: uint64,
  exposed: z
    .array(z.object({ offset: size, length: size, address: uint64, key: uint32 }))
    .max(MAX_EXPOSED_RANGES)
    .optional(),
});

const mapRequest: PortableBodyCodec<DmaMap, typeof mapSchema> = {
  schema: mapSchema,
  toRecord: ({ exposed, ...body }) => ({ ...body, ...(exposed && { exposed: [...exposed] }) }),
  fromRecord: (record) => ({ argsz: MAP_ARGSZ, ...record }),
};

const unmapSchema = z.object({
  flags: uint32,
  address: uint64,
  size: uint64,
  bitmap: z.object({ pgsize: uint64, size: uint64 }).optional(),
});

function decodeUnmap(record: z.output<typeof unmapSchema>): Decoded<DmaUnmap> {
  const { bitmap, ...plain } = record;
  if ((record.flags & DMA_UNMAP_GET_DIRTY_BITMAP) === 0) return { argsz: UNMAP_ARGSZ, ...plain };
  if (bitmap === undefined) return 'GET_DIRTY_BITMAP without a bitmap description';
  const argsz = Math.min(UNMAP_BITMAP_ARGSZ + Number(bitmap.size), MAX_ARGSZ);
  return { argsz, ...plain, bitmap };
}

const unmapRequest: PortableBodyCodec<DmaUnmap, typeof unmapSchema> = {
  schema: unmapSchema,
  toRecord: (body) => body,
  fromRecord: decodeUnmap,
};

const unmapReply: PortableBodyCodec<DmaUnmapReply, typeof unmapSchema> = {
  schema: unmapSchema,
  toRecord: (body) => body,

  writeBulk({ bits }, out) {
    if (bits !== undefined) out.bulk(bits);
  },

  fromRecord(record, bulk) {
    const body = decodeUnmap(record);
    if (typeof body === 'string' || body.bitmap === undefined || bulk.left === 0) return body;
    return { ...body, bits: bulk.take(Number(body.bitmap.size)) };
  },
};

/** "DMA_MAP". */
export const dmaMap: PortableCommandCodec<typeof Command.DMA_MAP> = {
  request: body(mapRequest),
  reply: undefined,
};

/** "DMA_UNMAP". */
export const dmaUnmap: PortableCommandCodec<typeof Command.DMA_UNMAP> = {
  request: body(unmapRequest),
  reply: body(unmapReply),
};
