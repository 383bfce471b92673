import type { z } from 'zod';
import type { Decoded } from '../encoding.js';
import type { KnownCommand, ReplyBodies, RequestBodies } from '../messages.js';
import type { BulkReader } from './bulk-reader.js';
import type { FrameWriter } from './frame-writer.js';

/** How one body is split into a record and bulk data. */
export interface PortableBodyCodec<Body, Schema extends z.ZodObject = z.ZodObject> {
  readonly schema: Schema;
  /** The record of a body. Keys that the schema does not have are left out when it is written. */
  toRecord(body: Body): Readonly<z.input<Schema>>;
  /** Puts the bulk data behind the record. */
  writeBulk?(body: Body, out: FrameWriter): void;
  /** @param room bytes of data this side accepts in a message: the `argsz` of who may take any. */
  fromRecord(record: z.output<Schema>, bulk: BulkReader, room: number): Decoded<Body>;
}

/** Both directions of one command. A message without a body has no codec. */
export interface PortableCommandCodec<C extends KnownCommand> {
  readonly request: DirectionCodec<RequestBodies[C]>;
  readonly reply: DirectionCodec<ReplyBodies[C]>;
}

/** `undefined` where there is never a body; `optional` where there may be none. */
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
