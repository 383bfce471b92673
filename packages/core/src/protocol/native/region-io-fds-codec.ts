import type { Command } from '../enums.js';
import type { RegionIoFd } from '../messages.js';
import { REGION_IO_FD_BYTES, REGION_IO_FDS_HEAD_BYTES } from '../struct-sizes.js';
import { argszFault, type NativeCommandCodec } from './codec.js';
import type { MessageWriter } from './message-writer.js';
import type { PayloadReader } from './payload-reader.js';

/** libvfio-user puts shadow_offset u64 at 32 of an entry and datamatch behind it. */
const LONG_ENTRY_BYTES = 48;

/** "DEVICE_GET_REGION_IO_FDS": argsz u32 at 0, flags u32 at 4, index u32 at 8, count u32 at 12. */
export const regionIoFds: NativeCommandCodec<typeof Command.DEVICE_GET_REGION_IO_FDS> = {
  request: {
    minBytes: REGION_IO_FDS_HEAD_BYTES,

    decode(payload) {
      const head = decodeHead(payload);
      return argszFault(head.argsz, REGION_IO_FDS_HEAD_BYTES) ?? head;
    },

    encode(out, body) {
      out.begin(REGION_IO_FDS_HEAD_BYTES);
      encodeHead(out, body);
    },
  },

  reply: {
    minBytes: REGION_IO_FDS_HEAD_BYTES,

    decode(payload) {
      const head = decodeHead(payload);
      const { argsz, count } = head;
      if (count === 0 || payload.length === REGION_IO_FDS_HEAD_BYTES)
        return { ...head, entries: [] };
      const stride = (argsz - REGION_IO_FDS_HEAD_BYTES) / count;
      if (stride !== REGION_IO_FD_BYTES && stride !== LONG_ENTRY_BYTES) {
        return `${count} sub-regions in an argsz of ${argsz}: neither 40 nor 48 bytes each`;
      }
      if (payload.length < argsz) {
        return `${count} sub-regions in a payload of ${payload.length} bytes`;
      }
      const entries: RegionIoFd[] = [];
      for (let i = 0; i < count; i++) {
        entries.push(decodeEntry(payload, REGION_IO_FDS_HEAD_BYTES + i * stride, stride));
      }
      return { ...head, entries };
    },

    encode(out, body) {
      out.begin(REGION_IO_FDS_HEAD_BYTES + REGION_IO_FD_BYTES * body.entries.length);
      encodeHead(out, body);
      let at = REGION_IO_FDS_HEAD_BYTES;
      for (const entry of body.entries) {
        encodeEntry(out, at, entry);
        at += REGION_IO_FD_BYTES;
      }
    },
  },
};

interface Head {
  readonly argsz: number;
  readonly flags: number;
  readonly index: number;
  readonly count: number;
}

function decodeHead(payload: PayloadReader): Head {
  return {
    argsz: payload.uint32(0),
    flags: payload.uint32(4),
    index: payload.uint32(8),
    count: payload.uint32(12),
  };
}

function encodeHead(out: MessageWriter, head: Head): void {
  out.uint32(0, head.argsz);
  out.uint32(4, head.flags);
  out.uint32(8, head.index);
  out.uint32(12, head.count);
}

/**
 * "Sub-Region IO FD info": offset u64 at 0, size u64 at 8, fd_index u32 at 16, type u32 at 20, flags
 * u32 at 24, padding u32 at 28, datamatch u64 at 32.
 */
function decodeEntry(payload: PayloadReader, at: number, stride: number): RegionIoFd {
  return {
    offset: payload.uint64(at),
    size: payload.uint64(at + 8),
    fdIndex: payload.uint32(at + 16),
    type: payload.uint32(at + 20),
    flags: payload.uint32(at + 24),
    datamatch: payload.bigUint64(at + stride - 8),
  };
}

function encodeEntry(out: MessageWriter, at: number, entry: RegionIoFd): void {
  out.uint64(at, entry.offset);
  out.uint64(at + 8, entry.size);
  out.uint32(at + 16, entry.fdIndex);
  out.uint32(at + 20, entry.type);
  out.uint32(at + 24, entry.flags);
  out.uint32(at + 28, 0);
  out.uint64(at + 32, entry.datamatch);
}
