import { Command, ExtensionCommand } from '../enums.js';
import type { PortableBodyCodec } from './codec.js';
import { codecs } from './codecs.js';
import { MAX_UINT32, size, uint32, uint64 } from './fields.js';
import { packRecord } from './record-packing.js';

/**
 * Register and memory accesses and signals are encoded and decoded without the library and schemas,
 * which would dominate their cost. The bytes are the same. Their bodies have only integers, under
 * keys in a fixed order, and optional data behind the record: all of that is derived from their
 * codecs here.
 */
const HOT_COMMANDS = [
  Command.REGION_READ,
  Command.REGION_WRITE,
  Command.DMA_READ,
  Command.DMA_WRITE,
  ExtensionCommand.INTERRUPT,
  ExtensionCommand.DOORBELL,
] as const;

/** The limit of a field that is an address. */
export const ADDRESS = -1;

/** The fields of a body. */
export interface HotBody {
  readonly names: readonly string[];
  /** The encoded names, as they precede the values. */
  readonly keys: readonly Uint8Array[];
  /** The largest value of each, or {@link ADDRESS}. */
  readonly limits: readonly number[];
  /** `count` bytes of data belong to it. */
  readonly hasData: boolean;
  /** Pushed memory may belong to it. */
  readonly hasPushed: boolean;
}

/** A kind of message: the constant bytes around the id, then the body. */
export interface HotForm {
  readonly command: number;
  readonly beforeId: Uint8Array;
  readonly beforeBody: Uint8Array;
  readonly body: HotBody;
}

/** The three kinds of one command. A signal has no reply. */
export interface HotForms {
  readonly request: HotForm;
  /** A request with `noReply`. */
  readonly oneWay: HotForm;
  readonly reply: HotForm | undefined;
}

const REGION_WRITE_KEY = 'pushed';
const LIMITS = new Map<unknown, number>([
  [uint32, MAX_UINT32],
  [size, Number.MAX_SAFE_INTEGER],
  [uint64, ADDRESS],
]);

/** Both formats of a map with up to 15 keys have their count in the low bits. */
export function mapFormat(keys: number): number {
  return 0x80 | keys;
}

/** Encoded keys and values, as inside a map. */
function entries(record: object): Uint8Array {
  // The library returns a part of its own buffer.
  return Uint8Array.from(packRecord(record)).subarray(1);
}

function keyBytes(key: string): Uint8Array {
  return entries({ [key]: 0 }).subarray(0, -1);
}

function bodyOf({ schema, writeBulk }: PortableBodyCodec<never>): HotBody {
  const names = Object.keys(schema.shape).filter((name) => name !== REGION_WRITE_KEY);
  const limits = names.map((name) => {
    const limit = LIMITS.get(schema.shape[name]);
    if (limit === undefined) throw new Error(`${name} is no integer of a hot message`);
    return limit;
  });
  return {
    names,
    keys: names.map(keyBytes),
    limits,
    hasData: writeBulk !== undefined,
    hasPushed: REGION_WRITE_KEY in schema.shape,
  };
}

function formOf(type: string, command: number, noReply: boolean, body: HotBody): HotForm {
  const envelope = { type, command };
  return {
    command,
    beforeId: Uint8Array.from([
      mapFormat(noReply ? 5 : 4),
      ...entries(envelope),
      ...keyBytes('id'),
    ]),
    beforeBody: Uint8Array.from([
      ...(noReply ? entries({ noReply: true }) : []),
      ...keyBytes('body'),
    ]),
    body,
  };
}

/** By command. */
export const hotForms: ReadonlyMap<number, HotForms> = new Map(
  HOT_COMMANDS.map((command) => {
    const { request, reply } = codecs[command];
    const body = bodyOf(request.codec as PortableBodyCodec<never>);
    return [
      command,
      {
        request: formOf('request', command, false, body),
        oneWay: formOf('request', command, true, body),
        reply:
          reply && formOf('reply', command, false, bodyOf(reply.codec as PortableBodyCodec<never>)),
      },
    ];
  }),
);

/** Pushed memory: the key, and the fields of its ranges. */
export const pushedKey: Uint8Array = keyBytes(REGION_WRITE_KEY);
export const pushedRange: HotBody = {
  names: ['address', 'count'],
  keys: ['address', 'count'].map(keyBytes),
  limits: [ADDRESS, MAX_UINT32],
  hasData: true,
  hasPushed: false,
};
/** Most pushed ranges encoded this way: what fits the shortest array format. */
export const MAX_HOT_RANGES = 15;
export const ARRAY_FORMAT = 0x90;
