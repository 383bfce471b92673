import * as z from 'zod';
import type { Command } from '../enums.js';
import type { DmaData } from '../messages.js';
import {
  body,
  optionalBody,
  type PortableBodyCodec,
  type PortableCommandCodec,
  plain,
} from './codec.js';
import { size, uint64 } from './fields.js';

const schema = z.object({ address: uint64, count: size });

const accessWithData: PortableBodyCodec<DmaData, typeof schema> = {
  schema,
  toRecord: (body) => body,
  writeBulk: ({ data }, out) => out.bulk(data),
  fromRecord: (record, bulk) => ({ ...record, data: bulk.take(record.count) }),
};

/** "DMA_READ". */
export const dmaRead: PortableCommandCodec<typeof Command.DMA_READ> = {
  request: body(plain(schema)),
  reply: body(accessWithData),
};

/** "DMA_WRITE". */
export const dmaWrite: PortableCommandCodec<typeof Command.DMA_WRITE> = {
  request: body(accessWithData),
  reply: optionalBody(plain(schema)),
};
