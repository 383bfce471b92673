import { z } from 'zod';
import type { ExtensionCommand } from '../constants.js';
import type { Acknowledge, Doorbell, Interrupt, KeepAlive, PushRules } from '../messages.js';
import { type BodyCodec, body, type CommandCodec } from './codec.js';
import { size, uint32, uint64 } from './fields.js';

/** Most rules a server may set. */
const MAX_RULES = 512;

const interruptSchema = z.object({ index: uint32, vector: uint32, count: uint32.min(1) });
const doorbellSchema = z.object({ region: uint32, entry: uint32, count: uint32.min(1) });
const keepAliveSchema = z.object({ nonce: uint32, reply: z.boolean() });
const acknowledgeSchema = z.object({ messages: size, bytes: size });
const rulesSchema = z.object({
  rules: z
    .array(
      z.object({
        id: uint32,
        region: uint32,
        offset: size,
        size: z.union([z.literal(1), z.literal(2), z.literal(4), z.literal(8)]),
        ring: z.object({
          address: uint64,
          entryBytes: uint32.min(1),
          entries: uint32.min(1),
          tail: uint32,
        }),
      }),
    )
    .max(MAX_RULES),
});

/** A body whose record has all of its fields and nothing else. */
function plain<Body, Schema extends z.ZodType<Body>>(schema: Schema) {
  const codec: BodyCodec<Body, z.ZodType<Body>> = {
    schema,
    toRecord: (body) => body,
    fromRecord: (record) => record,
  };
  return { request: body(codec), reply: undefined };
}

export const interrupt: CommandCodec<typeof ExtensionCommand.INTERRUPT> = plain<
  Interrupt,
  typeof interruptSchema
>(interruptSchema);

export const doorbell: CommandCodec<typeof ExtensionCommand.DOORBELL> = plain<
  Doorbell,
  typeof doorbellSchema
>(doorbellSchema);

export const keepAlive: CommandCodec<typeof ExtensionCommand.KEEP_ALIVE> = plain<
  KeepAlive,
  typeof keepAliveSchema
>(keepAliveSchema);

export const acknowledge: CommandCodec<typeof ExtensionCommand.ACKNOWLEDGE> = plain<
  Acknowledge,
  typeof acknowledgeSchema
>(acknowledgeSchema);

export const pushRules: CommandCodec<typeof ExtensionCommand.PUSH_RULES> = plain<
  PushRules,
  typeof rulesSchema
>(rulesSchema);
