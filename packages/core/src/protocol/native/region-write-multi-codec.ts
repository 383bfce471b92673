import type { Command } from '../enums.js';
import type { RegionData } from '../messages.js';
import type { NativeCommandCodec } from './codec.js';

/** "REGION_WRITE_MULTI": wr_cnt u64 at 0, writes from 8. */
const HEAD_BYTES = 8;

/** "Single Device Write Format": offset u64 at 0, region u32 at 8, count u32 at 12, data at 16. */
const WRITE_BYTES = 24;
const WRITE_DATA = 16;
const MAX_DATA_BYTES = 8;

export const regionWriteMulti: NativeCommandCodec<typeof Command.REGION_WRITE_MULTI> = {
  request: {
    minBytes: HEAD_BYTES,

    decode(payload) {
      const total = payload.uint64(0);
      if (HEAD_BYTES + WRITE_BYTES * total !== payload.length) {
        return `wr_cnt is ${total} with a payload of ${payload.length} bytes`;
      }
      const writes: RegionData[] = [];
      for (let at = HEAD_BYTES; at < payload.length; at += WRITE_BYTES) {
        const count = payload.uint32(at + 12);
        if (count > MAX_DATA_BYTES) return `a write of ${count} bytes, at most 8 are possible`;
        writes.push({
          offset: payload.uint64(at),
          region: payload.uint32(at + 8),
          count,
          data: payload.bytes(at + WRITE_DATA, count),
        });
      }
      return { writes };
    },

    encode(out, { writes }) {
      out.begin(HEAD_BYTES + WRITE_BYTES * writes.length);
      out.uint64(0, writes.length);
      let at = HEAD_BYTES;
      for (const write of writes) {
        out.uint64(at, write.offset);
        out.uint32(at + 8, write.region);
        out.uint32(at + 12, write.count);
        out.uint64(at + WRITE_DATA, 0);
        out.copy(at + WRITE_DATA, write.data);
        at += WRITE_BYTES;
      }
    },
  },

  reply: {
    minBytes: HEAD_BYTES,

    decode(payload) {
      const count = payload.uint64(0);
      return Number.isSafeInteger(count) ? { count } : `wr_cnt is ${count}`;
    },

    encode(out, { count }) {
      out.begin(HEAD_BYTES);
      out.uint64(0, count);
    },
  },
};
