import * as z from 'zod';
import { commandName } from '../enums.js';
import type { KnownCommand } from '../messages.js';
import type { PortableBodyCodec } from './codec.js';
import { codecs } from './codecs.js';
import { uint16, uint32 } from './fields.js';

/** One direction of one command: the schema of the whole record, and the codec of its body. */
export interface MessageSchema {
  readonly command: KnownCommand;
  readonly type: 'request' | 'reply';
  readonly record: z.ZodType<MessageRecord>;
  /** `undefined` for a message without a body. */
  readonly codec: PortableBodyCodec<unknown> | undefined;
}

/** What the record of a request or a reply holds. */
export interface MessageRecord {
  readonly type: 'request' | 'reply';
  readonly command: number;
  readonly id: number;
  readonly noReply?: boolean | undefined;
  readonly body?: Readonly<Record<string, unknown>> | undefined;
}

/** A request that is refused. */
export const errorRecord = z.object({
  type: z.literal('error'),
  command: uint16,
  id: uint16,
  /** A Linux error number. */
  errno: uint32,
  text: z.string().optional(),
});

/** The codec of one direction, with the body's type left out. */
type Direction =
  | { readonly codec: PortableBodyCodec<unknown>; readonly optional: boolean }
  | undefined;

function schemaOf(
  command: KnownCommand,
  type: 'request' | 'reply',
  direction: Direction,
): MessageSchema {
  const head = { type: z.literal(type), command: z.literal(command), id: uint16 };
  const envelope =
    type === 'request' ? z.object({ ...head, noReply: z.boolean().optional() }) : z.object(head);
  if (direction === undefined) return { command, type, record: envelope, codec: undefined };
  const { codec, optional } = direction;
  const body = optional ? codec.schema.optional() : codec.schema;
  return { command, type, record: envelope.extend({ body }), codec };
}

const commands = Object.keys(codecs).map((key) => Number(key) as KnownCommand); // its keys

const requests = new Map<number, MessageSchema>();
const replies = new Map<number, MessageSchema>();
for (const command of commands) {
  const { request, reply } = codecs[command] as { request: Direction; reply: Direction };
  requests.set(command, schemaOf(command, 'request', request));
  replies.set(command, schemaOf(command, 'reply', reply));
}

/** The schema of a request, `undefined` for an unknown command. */
export function requestSchema(command: number): MessageSchema | undefined {
  return requests.get(command);
}

/** The schema of a success reply, `undefined` for an unknown command. */
export function replySchema(command: number): MessageSchema | undefined {
  return replies.get(command);
}

/** Every message there is, by a readable name such as `REGION_READ request`. */
export function messageSchemas(): ReadonlyMap<string, MessageSchema> {
  return new Map(
    [...requests.values(), ...replies.values()].map((schema) => [
      `${commandName(schema.command)} ${schema.type}`,
      schema,
    ]),
  );
}

/** Most faults named in one reason. */
const MAX_ISSUES = 3;

/** The faults that a schema found, as a text of bounded length. */
export function issuesText({ issues }: z.core.$ZodError): string {
  return issues
    .slice(0, MAX_ISSUES)
    .map(({ path, message }) => `${path.map(String).join('.') || 'record'}: ${message}`)
    .join('; ');
}
