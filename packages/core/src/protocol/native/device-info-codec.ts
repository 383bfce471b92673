import type { Command } from '../enums.js';
import { DEVICE_INFO_BYTES } from '../struct-sizes.js';
import { argszFault, type NativeCommandCodec } from './codec.js';

/** "DEVICE_GET_INFO": argsz u32 at 0, flags u32 at 4, num_regions u32 at 8, num_irqs u32 at 12. */
export const deviceInfo: NativeCommandCodec<typeof Command.DEVICE_GET_INFO> = {
  request: {
    minBytes: DEVICE_INFO_BYTES,

    decode(payload) {
      const argsz = payload.uint32(0);
      return argszFault(argsz, DEVICE_INFO_BYTES) ?? { argsz };
    },

    encode(out, { argsz }) {
      out.begin(DEVICE_INFO_BYTES);
      out.uint32(0, argsz);
      out.zero(4, DEVICE_INFO_BYTES);
    },
  },

  reply: {
    minBytes: DEVICE_INFO_BYTES,

    decode: (payload) => ({
      argsz: payload.uint32(0),
      flags: payload.uint32(4),
      numRegions: payload.uint32(8),
      numIrqs: payload.uint32(12),
    }),

    encode(out, body) {
      out.begin(DEVICE_INFO_BYTES);
      out.uint32(0, body.argsz);
      out.uint32(4, body.flags);
      out.uint32(8, body.numRegions);
      out.uint32(12, body.numIrqs);
    },
  },
};
