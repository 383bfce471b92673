import * as z from 'zod';
import type { Command } from '../enums.js';
import type { RegionInfo } from '../messages.js';
import {
  DEVICE_INFO_BYTES,
  IRQ_INFO_BYTES,
  REGION_INFO_BYTES,
  SPARSE_AREA_BYTES,
  SPARSE_HEAD_BYTES,
} from '../struct-sizes.js';
import { body, type PortableBodyCodec, type PortableCommandCodec, withArgsz } from './codec.js';
import { size, uint32, uint64 } from './fields.js';

/** Most characters of what tells a device from others. */
export const MAX_SERIAL_CHARACTERS = 128;

/** Most sparse areas of a region. */
const MAX_AREAS = 1024;

const indexSchema = z.object({ index: uint32 });
const deviceSchema = z.object({
  flags: uint32,
  numRegions: uint32,
  numIrqs: uint32,
  serial: z.string().max(MAX_SERIAL_CHARACTERS).optional(),
});
const irqSchema = z.object({ flags: uint32, index: uint32, count: uint32 });
const regionSchema = z.object({
  flags: uint32,
  index: uint32,
  size: uint64,
  offset: uint64,
  sparse: z
    .array(z.object({ offset: size, size }))
    .max(MAX_AREAS)
    .optional(),
});

const regionReply: PortableBodyCodec<RegionInfo, typeof regionSchema> = {
  schema: regionSchema,
  toRecord: ({ sparse, ...body }) =>
    sparse === undefined ? body : { ...body, sparse: [...sparse] },
  fromRecord(record) {
    const areas = record.sparse?.length;
    const capability = areas === undefined ? 0 : SPARSE_HEAD_BYTES + SPARSE_AREA_BYTES * areas;
    return { argsz: REGION_INFO_BYTES + capability, ...record };
  },
};

/** "DEVICE_GET_INFO". */
export const deviceInfo: PortableCommandCodec<typeof Command.DEVICE_GET_INFO> = {
  request: body(withArgsz(z.object({}), () => DEVICE_INFO_BYTES)),
  reply: body(withArgsz(deviceSchema, () => DEVICE_INFO_BYTES)),
};

/** "DEVICE_GET_IRQ_INFO". */
export const irqInfo: PortableCommandCodec<typeof Command.DEVICE_GET_IRQ_INFO> = {
  request: body(withArgsz(indexSchema, () => IRQ_INFO_BYTES)),
  reply: body(withArgsz(irqSchema, () => IRQ_INFO_BYTES)),
};

/** "DEVICE_GET_REGION_INFO". */
export const regionInfo: PortableCommandCodec<typeof Command.DEVICE_GET_REGION_INFO> = {
  // A record always has room, so the client need not ask twice.
  request: body(withArgsz(indexSchema, (_record, room) => room)),
  reply: body(regionReply),
};
