import { z } from 'zod';
import { type Command, IRQ_SET_DATA_BOOL } from '../constants.js';
import type { SetIrqs } from '../messages.js';
import { body, type PortableBodyCodec, type PortableCommandCodec } from './codec.js';
import { uint32 } from './fields.js';

/** Bytes of the struct of the native encoding, which argsz counts. */
const HEAD_ARGSZ = 20;

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
    if ((record.flags & IRQ_SET_DATA_BOOL) === 0) return { argsz: HEAD_ARGSZ, ...record };
    const bools = bulk.take(record.count);
    return { argsz: HEAD_ARGSZ + bools.length, ...record, bools };
  },
};

/** "DEVICE_SET_IRQS". */
export const setIrqs: PortableCommandCodec<typeof Command.DEVICE_SET_IRQS> = {
  request: body(request),
  reply: undefined,
};
