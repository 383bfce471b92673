import * as z from 'zod';
import type { Command } from '../enums.js';
import type { Version } from '../messages.js';
import { body, type PortableBodyCodec, type PortableCommandCodec } from './codec.js';
import { size, uint16, uint32 } from './fields.js';

/** The capabilities of the specification, as a map instead of JSON text, under the same names. */
const capabilities = z.object({
  max_msg_fds: uint32.optional(),
  max_data_xfer_size: size.optional(),
  max_dma_maps: size.optional(),
  pgsizes: size.optional(),
  write_multiple: z.boolean().optional(),
  twin_socket: z.object({ supported: z.boolean().optional() }).optional(),
  migration: z.object({ pgsize: size.optional() }).optional(),
});

const schema = z.object({
  major: uint16,
  minor: uint16,
  capabilities: capabilities.optional(),
});

/** The JSON text of a session wraps the map once more. */
const textSchema = z.object({ capabilities: z.looseObject({}).optional() });

const codec: PortableBodyCodec<Version, typeof schema> = {
  schema,

  /** Only our own texts are encoded: invalid JSON is a programming error. */
  toRecord({ major, minor, capabilities: text }) {
    if (text === undefined) return { major, minor };
    return { major, minor, capabilities: textSchema.parse(JSON.parse(text)).capabilities ?? {} };
  },

  fromRecord({ major, minor, capabilities }) {
    if (capabilities === undefined) return { major, minor };
    return { major, minor, capabilities: JSON.stringify({ capabilities }) };
  },
};

/** "VERSION". */
export const version: PortableCommandCodec<typeof Command.VERSION> = {
  request: body(codec),
  reply: body(codec),
};
