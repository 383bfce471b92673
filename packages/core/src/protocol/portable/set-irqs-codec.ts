import * as z from 'zod';
import { IRQ_SET_DATA_BOOL } from '../constants.js';
import type { Command } from '../enums.js';
import type { SetIrqs } from '../messages.js';
import { SET_IRQS_HEAD_BYTES } from '../struct-sizes.js';
import { body, type PortableBodyCodec, type PortableCommandCodec } from './codec.js';
import { uint32 } from './fields.js';

const schema = z.object({
  flags: uint32,
  index: uint32,
  start: uint32,
  count: uint32,
  events: uint32.optional(),
});

const request: PortableBodyCodec<SetIrqs, typeof schema> = {
  schema,
  toRecord: (body) => body,

  writeBulk({ bools }, out) {
    if (bools !== undefined) out.bulk(bools);
  },

  fromRecord(record, bulk) {
    if ((record.flags & IRQ_SET_DATA_BOOL) === 0) return { argsz: SET_IRQS_HEAD_BYTES, ...record };
    const bools = bulk.take(record.count);
    return { argsz: SET_IRQS_HEAD_BYTES + bools.length, ...record, bools };
  },
};

/** "DEVICE_SET_IRQS". */
export const setIrqs: PortableCommandCodec<typeof Command.DEVICE_SET_IRQS> = {
  request: body(request),
  reply: undefined,
};
