import * as z from 'zod';
import { DMA_UNMAP_GET_DIRTY_BITMAP } from '../constants.js';
import type { Decoded } from '../encoding.js';
import type { Command } from '../enums.js';
import type { DmaUnmap, DmaUnmapReply } from '../messages.js';
import { DMA_MAP_BYTES, DMA_UNMAP_BITMAP_BYTES, DMA_UNMAP_BYTES } from '../struct-sizes.js';
import { body, type PortableBodyCodec, type PortableCommandCodec, withArgsz } from './codec.js';
import { bits64, size, uint32, uint64 } from './fields.js';

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

const unmapSchema = z.object({
  flags: uint32,
  address: uint64,
  size: uint64,
  bitmap: z.object({ pgsize: uint64, size: uint64 }).optional(),
});

function decodeUnmap(record: z.output<typeof unmapSchema>): Decoded<DmaUnmap> {
  const { bitmap, ...plain } = record;
  if ((record.flags & DMA_UNMAP_GET_DIRTY_BITMAP) === 0)
    return { argsz: DMA_UNMAP_BYTES, ...plain };
  if (bitmap === undefined) return 'GET_DIRTY_BITMAP without a bitmap description';
  const argsz = Math.min(DMA_UNMAP_BITMAP_BYTES + Number(bitmap.size), MAX_ARGSZ);
  return { argsz, ...plain, bitmap };
}

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
  request: body(withArgsz(mapSchema, () => DMA_MAP_BYTES)),
  reply: undefined,
};

/** "DMA_UNMAP". */
export const dmaUnmap: PortableCommandCodec<typeof Command.DMA_UNMAP> = {
  request: body({ ...unmapReply, fromRecord: decodeUnmap }),
  reply: body(unmapReply),
};
