import type * as z from 'zod';
import type { Decoded } from '../encoding.js';
import type { KnownCommand, ReplyBodies, RequestBodies } from '../messages.js';
import type { BulkReader } from './bulk-reader.js';
import type { FrameWriter } from './frame-writer.js';

/** How one body is split into a record and bulk data. */
export interface PortableBodyCodec<Body, Schema extends z.ZodObject = z.ZodObject> {
  readonly schema: Schema;
  /** The record of a body. Keys that are not in the schema are dropped when it is encoded. */
  toRecord(body: Body): Readonly<z.input<Schema>>;
  /** Writes the bulk data behind the record. */
  writeBulk?(body: Body, out: FrameWriter): void;
  /**
   * @param room most bytes of data that this side accepts: the `argsz` if there is no other limit.
   */
  fromRecord(record: z.output<Schema>, bulk: BulkReader, room: number): Decoded<Body>;
}

/** A body that is its own record. */
export function plain<Schema extends z.ZodObject>(
  schema: Schema,
): PortableBodyCodec<z.output<Schema>, Schema> {
  return { schema, toRecord: (body) => body as z.input<Schema>, fromRecord: (record) => record };
}

/** A body that is its own record, except for `argsz`. */
export function withArgsz<Schema extends z.ZodObject>(
  schema: Schema,
  argsz: (record: z.output<Schema>, room: number) => number,
): PortableBodyCodec<z.output<Schema> & { readonly argsz: number }, Schema> {
  return {
    ...plain(schema),
    fromRecord: (record, _bulk, room) => ({ argsz: argsz(record, room), ...record }),
  };
}

/** Both directions of one command. A message without a body has no codec. */
export interface PortableCommandCodec<C extends KnownCommand> {
  readonly request: DirectionCodec<RequestBodies[C]>;
  readonly reply: DirectionCodec<ReplyBodies[C]>;
}

/** `undefined` where there is no body; `optional` where it may be absent. */
export type DirectionCodec<Body> =
  | (undefined extends Body ? undefined : never)
  | {
      readonly codec: PortableBodyCodec<Exclude<Body, undefined>>;
      readonly optional: undefined extends Body ? true : false;
    };

/** A body that is always there. */
export function body<Body, Schema extends z.ZodObject>(
  codec: PortableBodyCodec<Body, Schema>,
): { readonly codec: PortableBodyCodec<Body>; readonly optional: false } {
  return { codec: codec as PortableBodyCodec<Body>, optional: false };
}

/** A body that may be absent. */
export function optionalBody<Body, Schema extends z.ZodObject>(
  codec: PortableBodyCodec<Body, Schema>,
): { readonly codec: PortableBodyCodec<Body>; readonly optional: true } {
  return { codec: codec as PortableBodyCodec<Body>, optional: true };
}
