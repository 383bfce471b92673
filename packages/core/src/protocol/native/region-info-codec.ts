import { REGION_FLAG_CAPS } from '../constants.js';
import { INLINE_DATA_BYTES } from '../encoding.js';
import type { Command } from '../enums.js';
import { REGION_INFO_BYTES } from '../struct-sizes.js';
import { argszFault, type NativeCommandCodec } from './codec.js';
import { decodeSparse, encodeSparse, sparseBytes } from './region-capabilities.js';

/**
 * "DEVICE_GET_REGION_INFO": argsz u32 at 0, flags u32 at 4, index u32 at 8, cap_offset u32 at 12,
 * size u64 at 16, offset u64 at 24. Capabilities lie behind it.
 */
export const regionInfo: NativeCommandCodec<typeof Command.DEVICE_GET_REGION_INFO> = {
  request: {
    minBytes: REGION_INFO_BYTES,

    decode(payload) {
      const argsz = payload.uint32(0);
      return argszFault(argsz, REGION_INFO_BYTES) ?? { argsz, index: payload.uint32(8) };
    },

    /** Padded to argsz like the reference client, which servers have been tested with. */
    encode(out, { argsz, index }) {
      const padded = Math.max(REGION_INFO_BYTES, Math.min(argsz, INLINE_DATA_BYTES));
      out.begin(padded);
      out.uint32(0, argsz);
      out.uint32(4, 0);
      out.uint32(8, index);
      out.zero(12, padded);
    },
  },

  reply: {
    minBytes: REGION_INFO_BYTES,

    decode(payload) {
      const flags = payload.uint32(4);
      const sparse =
        (flags & REGION_FLAG_CAPS) === 0 ? undefined : decodeSparse(payload, payload.uint32(12));
      if (typeof sparse === 'string') return sparse;
      const info = {
        argsz: payload.uint32(0),
        flags: (flags & ~REGION_FLAG_CAPS) >>> 0,
        index: payload.uint32(8),
        size: payload.iova(16),
        offset: payload.iova(24),
      };
      return sparse === undefined ? info : { ...info, sparse };
    },

    encode(out, body) {
      const { sparse } = body;
      const flags = body.flags & ~REGION_FLAG_CAPS;
      out.begin(REGION_INFO_BYTES + (sparse === undefined ? 0 : sparseBytes(sparse)));
      out.uint32(0, body.argsz);
      out.uint32(4, sparse === undefined ? flags : flags | REGION_FLAG_CAPS);
      out.uint32(8, body.index);
      out.uint32(12, sparse === undefined ? 0 : REGION_INFO_BYTES);
      out.uint64(16, body.size);
      out.uint64(24, body.offset);
      if (sparse !== undefined) encodeSparse(out, REGION_INFO_BYTES, sparse);
    },
  },
};
