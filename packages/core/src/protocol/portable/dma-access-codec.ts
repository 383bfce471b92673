import { z } from 'zod';
import type { Command } from '../constants.js';
import type { DmaData, DmaRead } from '../messages.js';
import { body, optionalBody, type PortableBodyCodec, type PortableCommandCodec } from './codec.js';
import { size, uint64 } from './fields.js';

const schema = z.object({ address: uint64, count: size });

const access: PortableBodyCodec<DmaRead, typeof schema> = {
  schema,
  toRecord: (body) => body,
  fromRecord: (record) => record,
};

const accessWithData: PortableBodyCodec<DmaData, typeof schema> = {
  schema,
  toRecord: (body) => body,
  writeBulk: ({ data }, out) => out.bulk(data),
  fromRecord: (record, bulk) => ({ ...record, data: bulk.take(record.count) }),
};

/** "DMA_READ". */
export const dmaRead: PortableCommandCodec<typeof Command.DMA_READ> = {
  request: body(access),
  reply: body(accessWithData),
};

/** "DMA_WRITE". */
export const dmaWrite: PortableCommandCodec<typeof Command.DMA_WRITE> = {
  request: body(accessWithData),
  reply: optionalBody(access),
};
