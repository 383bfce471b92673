import { z } from 'zod';
import type { Command } from '../constants.js';
import type { DeviceFeature, MigData, MigDataRead } from '../messages.js';
import { body, type PortableBodyCodec, type PortableCommandCodec } from './codec.js';
import { uint32 } from './fields.js';

/** Bytes of the structs of the native encoding before the data, which argsz counts. */
const HEAD_ARGSZ = 8;

const featureSchema = z.object({ flags: uint32 });
const sizeSchema = z.object({ size: uint32 });

/** The data of a feature is the struct of the VFIO header, little-endian, as in the native encoding. */
const featureReply: PortableBodyCodec<DeviceFeature, typeof featureSchema> = {
  schema: featureSchema,
  toRecord: (body) => body,
  writeBulk: ({ data }, out) => out.bulk(data),
  fromRecord({ flags }, bulk) {
    const data = bulk.take(bulk.left);
    return { argsz: HEAD_ARGSZ + data.length, flags, data };
  },
};

const featureRequest: PortableBodyCodec<DeviceFeature, typeof featureSchema> = {
  ...featureReply,
  fromRecord: ({ flags }, bulk, room) => ({
    argsz: HEAD_ARGSZ + room,
    flags,
    data: bulk.take(bulk.left),
  }),
};

const readRequest: PortableBodyCodec<MigDataRead, typeof sizeSchema> = {
  schema: sizeSchema,
  toRecord: (body) => body,
  fromRecord: ({ size }) => ({ argsz: HEAD_ARGSZ + size, size }),
};

const data: PortableBodyCodec<MigData, typeof sizeSchema> = {
  schema: sizeSchema,
  toRecord: (body) => body,
  writeBulk: ({ data }, out) => out.bulk(data),
  fromRecord: ({ size }, bulk) => ({ argsz: HEAD_ARGSZ + size, size, data: bulk.take(size) }),
};

/** "DEVICE_FEATURE". */
export const deviceFeature: PortableCommandCodec<typeof Command.DEVICE_FEATURE> = {
  request: body(featureRequest),
  reply: body(featureReply),
};

/** "MIG_DATA_READ". */
export const migDataRead: PortableCommandCodec<typeof Command.MIG_DATA_READ> = {
  request: body(readRequest),
  reply: body(data),
};

/** "MIG_DATA_WRITE". */
export const migDataWrite: PortableCommandCodec<typeof Command.MIG_DATA_WRITE> = {
  request: body(data),
  reply: undefined,
};
