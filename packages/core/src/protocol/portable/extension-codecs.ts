import * as z from 'zod';
import type { ExtensionCommand } from '../enums.js';
import { body, type PortableCommandCodec, plain } from './codec.js';
import { size, uint32, uint64 } from './fields.js';

/** Most rules a server may set. */
export const MAX_PUSH_RULES = 512;

const interruptSchema = z.object({ index: uint32, vector: uint32, count: uint32 });
const doorbellSchema = z.object({ region: uint32, entry: uint32, count: uint32 });
const keepAliveSchema = z.object({ nonce: uint32, reply: z.boolean() });
const acknowledgeSchema = z.object({ messages: size, bytes: size });
const dmaFaultSchema = z.object({ message: size, address: uint64, count: size, errno: uint32 });
const rulesSchema = z.object({
  rules: z
    .array(
      z.object({
        id: uint32,
        region: uint32,
        offset: size,
        size: z.literal([1, 2, 4, 8]),
        ring: z.object({
          address: uint64,
          entryBytes: uint32.min(1),
          entries: uint32.min(1),
          tail: uint32,
        }),
      }),
    )
    .max(MAX_PUSH_RULES),
});

/** INTERRUPT, from the server. */
export const interrupt: PortableCommandCodec<typeof ExtensionCommand.INTERRUPT> = {
  request: body(plain(interruptSchema)),
  reply: undefined,
};

/** DOORBELL, from the client. */
export const doorbell: PortableCommandCodec<typeof ExtensionCommand.DOORBELL> = {
  request: body(plain(doorbellSchema)),
  reply: undefined,
};

/** KEEP_ALIVE, from either side. */
export const keepAlive: PortableCommandCodec<typeof ExtensionCommand.KEEP_ALIVE> = {
  request: body(plain(keepAliveSchema)),
  reply: undefined,
};

/** ACKNOWLEDGE, from either side. */
export const acknowledge: PortableCommandCodec<typeof ExtensionCommand.ACKNOWLEDGE> = {
  request: body(plain(acknowledgeSchema)),
  reply: undefined,
};

/** PUSH_RULES, from the server. */
export const pushRules: PortableCommandCodec<typeof ExtensionCommand.PUSH_RULES> = {
  request: body(plain(rulesSchema)),
  reply: undefined,
};

/** DMA_FAULT, from the client. */
export const dmaFault: PortableCommandCodec<typeof ExtensionCommand.DMA_FAULT> = {
  request: body(plain(dmaFaultSchema)),
  reply: undefined,
};
