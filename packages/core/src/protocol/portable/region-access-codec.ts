import * as z from 'zod';
import type { Command } from '../enums.js';
import type { RegionData, RegionWriteMulti } from '../messages.js';
import {
  body,
  optionalBody,
  type PortableBodyCodec,
  type PortableCommandCodec,
  plain,
} from './codec.js';
import { size, uint32, uint64 } from './fields.js';

/** Most writes in one REGION_WRITE_MULTI, most ranges pushed with one REGION_WRITE. */
const MAX_WRITES = 1024;
const MAX_PUSHED = 64;

/** Each write of a REGION_WRITE_MULTI is at most a register. */
const MAX_MULTI_BYTES = 8;

const fields = { offset: size, region: uint32, count: uint32 };
const accessSchema = z.object(fields);
const writeSchema = z.object({
  ...fields,
  pushed: z
    .array(z.object({ address: uint64, count: uint32 }))
    .max(MAX_PUSHED)
    .optional(),
});
const multiSchema = z.object({
  writes: z.array(z.object({ ...fields, count: uint32.max(MAX_MULTI_BYTES) })).max(MAX_WRITES),
});

const accessWithData: PortableBodyCodec<RegionData, typeof accessSchema> = {
  schema: accessSchema,
  toRecord: (body) => body,
  writeBulk: ({ data }, out) => out.bulk(data),
  fromRecord: (record, bulk) => ({ ...record, data: bulk.take(record.count) }),
};

const write: PortableBodyCodec<RegionData, typeof writeSchema> = {
  schema: writeSchema,

  toRecord({ pushed, ...body }) {
    if (pushed === undefined) return body;
    const ranges = pushed.map(({ address, data }) => ({ address, count: data.length }));
    return { ...body, pushed: ranges };
  },

  writeBulk({ data, pushed }, out) {
    out.bulk(data);
    for (const range of pushed ?? []) out.bulk(range.data);
  },

  fromRecord({ pushed, ...access }, bulk) {
    const body = { ...access, data: bulk.take(access.count) };
    if (pushed === undefined) return body;
    const ranges = pushed.map(({ address, count }) => ({ address, data: bulk.take(count) }));
    return { ...body, pushed: ranges };
  },
};

const multi: PortableBodyCodec<RegionWriteMulti, typeof multiSchema> = {
  schema: multiSchema,
  toRecord: ({ writes }) => ({
    writes: writes.map(({ offset, region, count }) => ({ offset, region, count })),
  }),

  writeBulk({ writes }, out) {
    for (const { data } of writes) out.bulk(data);
  },

  fromRecord: ({ writes }, bulk) => ({
    writes: writes.map((write) => ({ ...write, data: bulk.take(write.count) })),
  }),
};

/** "REGION_READ". */
export const regionRead: PortableCommandCodec<typeof Command.REGION_READ> = {
  request: body(plain(accessSchema)),
  reply: optionalBody(accessWithData),
};

/** "REGION_WRITE". */
export const regionWrite: PortableCommandCodec<typeof Command.REGION_WRITE> = {
  request: body(write),
  reply: optionalBody(plain(accessSchema)),
};

/** "REGION_WRITE_MULTI". */
export const regionWriteMulti: PortableCommandCodec<typeof Command.REGION_WRITE_MULTI> = {
  request: body(multi),
  reply: body(plain(z.object({ count: size }))),
};
