import { z } from 'zod';
import type { ExtensionCommand } from '../constants.js';
import type { Acknowledge, DoorbellSignal, Interrupt, KeepAlive, PushRules } from '../messages.js';
import { body, type PortableBodyCodec, type PortableCommandCodec } from './codec.js';
import { size, uint32, uint64 } from './fields.js';

/** Most rules a server may set. */
export const MAX_PUSH_RULES = 512;

const interruptSchema = z.object({ index: uint32, vector: uint32, count: uint32 });
const doorbellSchema = z.object({ region: uint32, entry: uint32, count: uint32 });
const keepAliveSchema = z.object({ nonce: uint32, reply: z.boolean() });
const acknowledgeSchema = z.object({ messages: size, bytes: size });
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

const interruptRequest: PortableBodyCodec<Interrupt, typeof interruptSchema> = {
  schema: interruptSchema,
  toRecord: (body) => body,
  fromRecord: (record) => record,
};

const doorbellRequest: PortableBodyCodec<DoorbellSignal, typeof doorbellSchema> = {
  schema: doorbellSchema,
  toRecord: (body) => body,
  fromRecord: (record) => record,
};

const keepAliveRequest: PortableBodyCodec<KeepAlive, typeof keepAliveSchema> = {
  schema: keepAliveSchema,
  toRecord: (body) => body,
  fromRecord: (record) => record,
};

const acknowledgeRequest: PortableBodyCodec<Acknowledge, typeof acknowledgeSchema> = {
  schema: acknowledgeSchema,
  toRecord: (body) => body,
  fromRecord: (record) => record,
};

const rulesRequest: PortableBodyCodec<PushRules, typeof rulesSchema> = {
  schema: rulesSchema,
  toRecord: ({ rules }) => ({ rules: [...rules] }),
  fromRecord: (record) => record,
};

/** INTERRUPT, from the server. */
export const interrupt: PortableCommandCodec<typeof ExtensionCommand.INTERRUPT> = {
  request: body(interruptRequest),
  reply: undefined,
};

/** DOORBELL, from the client. */
export const doorbell: PortableCommandCodec<typeof ExtensionCommand.DOORBELL> = {
  request: body(doorbellRequest),
  reply: undefined,
};

/** KEEP_ALIVE, from either side. */
export const keepAlive: PortableCommandCodec<typeof ExtensionCommand.KEEP_ALIVE> = {
  request: body(keepAliveRequest),
  reply: undefined,
};

/** ACKNOWLEDGE, from either side. */
export const acknowledge: PortableCommandCodec<typeof ExtensionCommand.ACKNOWLEDGE> = {
  request: body(acknowledgeRequest),
  reply: undefined,
};

/** PUSH_RULES, from the server. */
export const pushRules: PortableCommandCodec<typeof ExtensionCommand.PUSH_RULES> = {
  request: body(rulesRequest),
  reply: undefined,
};
