import { z } from 'zod';
import type { Command } from '../constants.js';
import type { ArgszOnly, DeviceInfo, IndexRequest, IrqInfo, RegionInfo } from '../messages.js';
import { body, type PortableBodyCodec, type PortableCommandCodec } from './codec.js';
import { size, uint32, uint64 } from './fields.js';

/** Bytes of the structs of the native encoding, which argsz counts. */
const DEVICE_INFO_ARGSZ = 16;
const IRQ_INFO_ARGSZ = 16;
const REGION_INFO_ARGSZ = 32;
const SPARSE_HEAD_BYTES = 16;
const SPARSE_AREA_BYTES = 16;

/** Most sparse areas of a region. */
const MAX_AREAS = 1024;

const emptySchema = z.object({});
const indexSchema = z.object({ index: uint32 });
const deviceSchema = z.object({ flags: uint32, numRegions: uint32, numIrqs: uint32 });
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

const deviceRequest: PortableBodyCodec<ArgszOnly, typeof emptySchema> = {
  schema: emptySchema,
  toRecord: () => ({}),
  fromRecord: () => ({ argsz: DEVICE_INFO_ARGSZ }),
};

const deviceReply: PortableBodyCodec<DeviceInfo, typeof deviceSchema> = {
  schema: deviceSchema,
  toRecord: (body) => body,
  fromRecord: (record) => ({ argsz: DEVICE_INFO_ARGSZ, ...record }),
};

const irqRequest: PortableBodyCodec<IndexRequest, typeof indexSchema> = {
  schema: indexSchema,
  toRecord: (body) => body,
  fromRecord: ({ index }) => ({ argsz: IRQ_INFO_ARGSZ, index }),
};

const irqReply: PortableBodyCodec<IrqInfo, typeof irqSchema> = {
  schema: irqSchema,
  toRecord: (body) => body,
  fromRecord: (record) => ({ argsz: IRQ_INFO_ARGSZ, ...record }),
};

/** A record always has room, so the client need not ask twice. */
const regionRequest: PortableBodyCodec<IndexRequest, typeof indexSchema> = {
  schema: indexSchema,
  toRecord: (body) => body,
  fromRecord: ({ index }, _bulk, room) => ({ argsz: room, index }),
};

const regionReply: PortableBodyCodec<RegionInfo, typeof regionSchema> = {
  schema: regionSchema,
  toRecord: ({ sparse, ...body }) =>
    sparse === undefined ? body : { ...body, sparse: [...sparse] },
  fromRecord(record) {
    const areas = record.sparse?.length;
    const capability = areas === undefined ? 0 : SPARSE_HEAD_BYTES + SPARSE_AREA_BYTES * areas;
    return { argsz: REGION_INFO_ARGSZ + capability, ...record };
  },
};

/** "DEVICE_GET_INFO". */
export const deviceInfo: PortableCommandCodec<typeof Command.DEVICE_GET_INFO> = {
  request: body(deviceRequest),
  reply: body(deviceReply),
};

/** "DEVICE_GET_IRQ_INFO". */
export const irqInfo: PortableCommandCodec<typeof Command.DEVICE_GET_IRQ_INFO> = {
  request: body(irqRequest),
  reply: body(irqReply),
};

/** "DEVICE_GET_REGION_INFO". */
export const regionInfo: PortableCommandCodec<typeof Command.DEVICE_GET_REGION_INFO> = {
  request: body(regionRequest),
  reply: body(regionReply),
};
