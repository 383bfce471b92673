import { IRQ_SET_DATA_BOOL } from '../constants.js';
import type { Command } from '../enums.js';
import { IRQ_INFO_BYTES, SET_IRQS_HEAD_BYTES } from '../struct-sizes.js';
import { argszFault, type NativeCommandCodec, nothing } from './codec.js';

/** "DEVICE_GET_IRQ_INFO": argsz u32 at 0, flags u32 at 4, index u32 at 8, count u32 at 12. */
export const irqInfo: NativeCommandCodec<typeof Command.DEVICE_GET_IRQ_INFO> = {
  request: {
    minBytes: IRQ_INFO_BYTES,

    decode(payload) {
      const argsz = payload.uint32(0);
      return argszFault(argsz, IRQ_INFO_BYTES) ?? { argsz, index: payload.uint32(8) };
    },

    encode(out, { argsz, index }) {
      out.begin(IRQ_INFO_BYTES);
      out.uint32(0, argsz);
      out.uint32(4, 0);
      out.uint32(8, index);
      out.uint32(12, 0);
    },
  },

  reply: {
    minBytes: IRQ_INFO_BYTES,

    decode: (payload) => ({
      argsz: payload.uint32(0),
      flags: payload.uint32(4),
      index: payload.uint32(8),
      count: payload.uint32(12),
    }),

    encode(out, body) {
      out.begin(IRQ_INFO_BYTES);
      out.uint32(0, body.argsz);
      out.uint32(4, body.flags);
      out.uint32(8, body.index);
      out.uint32(12, body.count);
    },
  },
};

/** "DEVICE_SET_IRQS": argsz u32 at 0, flags u32 at 4, index u32 at 8, start u32 at 12, count u32 at 16. */
export const setIrqs: NativeCommandCodec<typeof Command.DEVICE_SET_IRQS> = {
  request: {
    minBytes: SET_IRQS_HEAD_BYTES,

    decode(payload) {
      const argsz = payload.uint32(0);
      const flags = payload.uint32(4);
      const count = payload.uint32(16);
      const fault = argszFault(argsz, SET_IRQS_HEAD_BYTES);
      if (fault !== undefined) return fault;
      const body = { argsz, flags, index: payload.uint32(8), start: payload.uint32(12), count };
      if ((flags & IRQ_SET_DATA_BOOL) === 0) return body;
      const there = payload.length - SET_IRQS_HEAD_BYTES;
      if (there !== count) return `DATA_BOOL for ${count} interrupts with ${there} bytes`;
      return { ...body, bools: payload.bytes(SET_IRQS_HEAD_BYTES, count) };
    },

    encode(out, body) {
      out.begin(SET_IRQS_HEAD_BYTES);
      out.uint32(0, body.argsz);
      out.uint32(4, body.flags);
      out.uint32(8, body.index);
      out.uint32(12, body.start);
      out.uint32(16, body.count);
      if (body.bools !== undefined) out.data(body.bools);
    },
  },

  reply: nothing,
};
