import * as z from 'zod';
import type { Command } from '../enums.js';
import type { RegionIoFds } from '../messages.js';
import { REGION_IO_FD_BYTES, REGION_IO_FDS_HEAD_BYTES } from '../struct-sizes.js';
import { body, type PortableBodyCodec, type PortableCommandCodec, withArgsz } from './codec.js';
import { bits64, size, uint32 } from './fields.js';

/** Most sub-regions of a region. */
const MAX_ENTRIES = 512;

const requestSchema = z.object({ flags: uint32, index: uint32, count: uint32 });
const replySchema = z.object({
  flags: uint32,
  index: uint32,
  entries: z
    .array(
      z.object({
        offset: size,
        size,
        fdIndex: uint32,
        type: uint32,
        flags: uint32,
        datamatch: bits64,
      }),
    )
    .max(MAX_ENTRIES),
});

const reply: PortableBodyCodec<RegionIoFds, typeof replySchema> = {
  schema: replySchema,
  toRecord: ({ flags, index, entries }) => ({ flags, index, entries: [...entries] }),
  fromRecord: (record) => {
    const count = record.entries.length;
    return { argsz: REGION_IO_FDS_HEAD_BYTES + REGION_IO_FD_BYTES * count, count, ...record };
  },
};

/** "DEVICE_GET_REGION_IO_FDS". */
export const regionIoFds: PortableCommandCodec<typeof Command.DEVICE_GET_REGION_IO_FDS> = {
  request: body(withArgsz(requestSchema, (_record, room) => room)),
  reply: body(reply),
};
