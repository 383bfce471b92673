import * as z from 'zod';
import type { Command } from '../enums.js';
import type { DeviceFeature, MigData } from '../messages.js';
import { FEATURE_HEAD_BYTES, MIG_DATA_HEAD_BYTES } from '../struct-sizes.js';
import { body, type PortableBodyCodec, type PortableCommandCodec, withArgsz } from './codec.js';
import { uint32 } from './fields.js';

const featureSchema = z.object({ flags: uint32 });
const sizeSchema = z.object({ size: uint32 });

/** The data of a feature is the struct of the VFIO header, little-endian, as in the native encoding. */
const featureReply: PortableBodyCodec<DeviceFeature, typeof featureSchema> = {
  schema: featureSchema,
  toRecord: (body) => body,
  writeBulk: ({ data }, out) => out.bulk(data),
  fromRecord({ flags }, bulk) {
    const data = bulk.take(bulk.left);
    return { argsz: FEATURE_HEAD_BYTES + data.length, flags, data };
  },
};

const featureRequest: PortableBodyCodec<DeviceFeature, typeof featureSchema> = {
  ...featureReply,
  fromRecord: ({ flags }, bulk, room) => ({
    argsz: FEATURE_HEAD_BYTES + room,
    flags,
    data: bulk.take(bulk.left),
  }),
};

const data: PortableBodyCodec<MigData, typeof sizeSchema> = {
  schema: sizeSchema,
  toRecord: (body) => body,
  writeBulk: ({ data }, out) => out.bulk(data),
  fromRecord: ({ size }, bulk) => ({
    argsz: MIG_DATA_HEAD_BYTES + size,
    size,
    data: bulk.take(size),
  }),
};

/** "DEVICE_FEATURE". */
export const deviceFeature: PortableCommandCodec<typeof Command.DEVICE_FEATURE> = {
  request: body(featureRequest),
  reply: body(featureReply),
};

/** "MIG_DATA_READ". */
export const migDataRead: PortableCommandCodec<typeof Command.MIG_DATA_READ> = {
  request: body(withArgsz(sizeSchema, ({ size }) => MIG_DATA_HEAD_BYTES + size)),
  reply: body(data),
};

/** "MIG_DATA_WRITE". */
export const migDataWrite: PortableCommandCodec<typeof Command.MIG_DATA_WRITE> = {
  request: body(data),
  reply: undefined,
};
