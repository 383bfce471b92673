import type { Command } from '../enums.js';
import type { DeviceFeature, MigData } from '../messages.js';
import { argszFault, type NativeBodyCodec, type NativeCommandCodec, nothing } from './codec.js';
import type { MessageWriter } from './message-writer.js';

/**
 * "DEVICE_FEATURE": argsz u32 at 0, flags u32 at 4, data from 8. "MIG_DATA_READ", "MIG_DATA_WRITE":
 * argsz u32 at 0, size u32 at 4, data from 8.
 */
const HEAD_BYTES = 8;

function encodeHead(out: MessageWriter, argsz: number, flagsOrSize: number): void {
  out.begin(HEAD_BYTES);
  out.uint32(0, argsz);
  out.uint32(4, flagsOrSize);
}

const featureReply: NativeBodyCodec<DeviceFeature> = {
  minBytes: HEAD_BYTES,

  decode: (payload) => ({
    argsz: payload.uint32(0),
    flags: payload.uint32(4),
    data: payload.bytes(HEAD_BYTES, payload.length - HEAD_BYTES),
  }),

  encode(out, body) {
    encodeHead(out, body.argsz, body.flags);
    out.data(body.data);
  },
};

export const deviceFeature: NativeCommandCodec<typeof Command.DEVICE_FEATURE> = {
  request: {
    minBytes: HEAD_BYTES,
    // The rest depends on the feature and the operation: the server checks it.
    decode: (payload) => argszFault(payload.uint32(0), HEAD_BYTES) ?? featureReply.decode(payload),
    encode: featureReply.encode,
  },
  reply: featureReply,
};

const migrationData: NativeBodyCodec<MigData> = {
  minBytes: HEAD_BYTES,

  decode(payload) {
    const size = payload.uint32(4);
    const there = payload.length - HEAD_BYTES;
    // Smaller is legal: libvfio-user answers a short read with the requested number of bytes.
    if (size > there) return `size is ${size} with ${there} bytes of data`;
    return { argsz: payload.uint32(0), size, data: payload.bytes(HEAD_BYTES, size) };
  },

  encode(out, body) {
    encodeHead(out, body.argsz, body.size);
    out.data(body.data);
  },
};

export const migDataRead: NativeCommandCodec<typeof Command.MIG_DATA_READ> = {
  request: {
    minBytes: HEAD_BYTES,

    decode(payload) {
      const argsz = payload.uint32(0);
      const size = payload.uint32(4);
      return argszFault(argsz, HEAD_BYTES + size) ?? { argsz, size };
    },

    encode: (out, body) => encodeHead(out, body.argsz, body.size),
  },
  reply: migrationData,
};

export const migDataWrite: NativeCommandCodec<typeof Command.MIG_DATA_WRITE> = {
  request: {
    minBytes: HEAD_BYTES,
    // No minimum with the data: the reply, whose size argsz bounds, has no payload.
    decode: (payload) => argszFault(payload.uint32(0), HEAD_BYTES) ?? migrationData.decode(payload),
    encode: migrationData.encode,
  },
  reply: nothing,
};
