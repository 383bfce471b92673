import { z } from 'zod';
import type { Command } from '../constants.js';
import type { DmaAccess, DmaData } from '../messages.js';
import { type BodyCodec, body, type CommandCodec, optionalBody } from './codec.js';
import { size, uint64 } from './fields.js';

const schema = z.object({ address: uint64, count: size });

const access: BodyCodec<DmaAccess, typeof schema> = {
  schema,
  toRecord: (body) => body,
  fromRecord: (record) => record,
};

const accessWithData: BodyCodec<DmaData, typeof schema> = {
  schema,
  toRecord: (body) => body,
  writeBulk: ({ data }, out) => out.bulk(data),
  fromRecord: (record, bulk) => ({ ...record, data: bulk.take(record.count) }),
};

/** "DMA_READ". */
export const dmaRead: CommandCodec<typeof Command.DMA_READ> = {
  request: body(access),
  reply: body(accessWithData),
};

/** "DMA_WRITE". */
export const dmaWrite: CommandCodec<typeof Command.DMA_WRITE> = {
  request: body(accessWithData),
  reply: optionalBody(access),
};
