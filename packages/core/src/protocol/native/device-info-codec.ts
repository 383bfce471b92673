import type { Command } from '../constants.js';
import { argszFault, type NativeCommandCodec } from './codec.js';

/** "DEVICE_GET_INFO": argsz u32 at 0, flags u32 at 4, num_regions u32 at 8, num_irqs u32 at 12. */
const INFO_BYTES = 16;

export const deviceInfo: NativeCommandCodec<typeof Command.DEVICE_GET_INFO> = {
  request: {
    minBytes: INFO_BYTES,

    decode(payload) {
      const argsz = payload.uint32(0);
      return argszFault(argsz, INFO_BYTES) ?? { argsz };
    },

    encode(out, { argsz }) {
      out.begin(INFO_BYTES);
      out.uint32(0, argsz);
      out.zero(4, INFO_BYTES);
    },
  },

  reply: {
    minBytes: INFO_BYTES,

    decode: (payload) => ({
      argsz: payload.uint32(0),
      flags: payload.uint32(4),
      numRegions: payload.uint32(8),
      numIrqs: payload.uint32(12),
    }),

    encode(out, body) {
      out.begin(INFO_BYTES);
      out.uint32(0, body.argsz);
      out.uint32(4, body.flags);
      out.uint32(8, body.numRegions);
      out.uint32(12, body.numIrqs);
    },
  },
};
