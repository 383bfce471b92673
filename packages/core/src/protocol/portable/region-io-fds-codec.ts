import { z } from 'zod';
import type { Command } from '../constants.js';
import type { RegionIoFds, RegionIoFdsRequest } from '../messages.js';
import { body, type PortableBodyCodec, type PortableCommandCodec } from './codec.js';
import { bits64, size, uint32 } from './fields.js';

/** Bytes of the structs of the native encoding, which argsz counts. */
const HEAD_ARGSZ = 16;
const ENTRY_ARGSZ = 40;

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

const request: PortableBodyCodec<RegionIoFdsRequest, typeof requestSchema> = {
  schema: requestSchema,
  toRecord: (body) => body,
  fromRecord: (record, _bulk, room) => ({ argsz: room, ...record }),
};

const reply: PortableBodyCodec<RegionIoFds, typeof replySchema> = {
  schema: replySchema,
  toRecord: ({ flags, index, entries }) => ({ flags, index, entries: [...entries] }),
  fromRecord: (record) => {
    const count = record.entries.length;
    return { argsz: HEAD_ARGSZ + ENTRY_ARGSZ * count, count, ...record };
  },
};

/** "DEVICE_GET_REGION_IO_FDS". */
export const regionIoFds: PortableCommandCodec<typeof Command.DEVICE_GET_REGION_IO_FDS> = {
  request: body(request),
  reply: body(reply),
};
