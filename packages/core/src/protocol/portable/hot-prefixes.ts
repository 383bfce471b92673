import { packRecord } from './record-packing.js';

/**
 * The constant bytes of a register or memory access. Such a record is a map of integers under
 * constant keys: `beforeId`, the id, `beforeBody`, then the fields, each behind its key.
 */
export interface HotPrefix {
  readonly beforeId: Uint8Array;
  readonly beforeBody: Uint8Array;
}

/** The prefixes of one command. */
export interface HotPrefixes {
  readonly request: HotPrefix;
  /** A request with `noReply`. */
  readonly oneWay: HotPrefix;
  readonly reply: HotPrefix;
}

/** A byte that ends every probe below: the integer 0 in its place. */
const PLACEHOLDER_BYTES = 1;

function packed(record: object): Uint8Array {
  // The library hands out a piece of its own buffer.
  return Uint8Array.from(packRecord(record));
}

/** A record up to the value of its last, outermost key, by packing one with a 0 there. */
function upToLastValue(record: object): Uint8Array {
  return packed(record).subarray(0, -PLACEHOLDER_BYTES);
}

function withMapOf(count: number, head: Uint8Array): Uint8Array {
  const bytes = head.slice();
  bytes[0] = 0x80 | count;
  return bytes;
}

function prefix(envelope: object, noReply: boolean, fields: number): HotPrefix {
  const keys = Object.keys(envelope).length + (noReply ? 3 : 2);
  const noReplyBytes = noReply ? packed({ noReply: true }).subarray(1) : new Uint8Array(0);
  const bodyBytes = upToLastValue({ body: 0 }).subarray(1);
  return {
    beforeId: withMapOf(keys, upToLastValue({ ...envelope, id: 0 })),
    beforeBody: Uint8Array.from([...noReplyBytes, ...bodyBytes, 0x80 | fields]),
  };
}

/** The prefixes of a command whose body is a map of `fields` integers. */
export function hotPrefixes(command: number, fields: number): HotPrefixes {
  return {
    request: prefix({ type: 'request', command }, false, fields),
    oneWay: prefix({ type: 'request', command }, true, fields),
    reply: prefix({ type: 'reply', command }, false, fields),
  };
}

/** A key as it stands in front of its value. */
export function keyBytes(key: string): Uint8Array {
  return upToLastValue({ [key]: 0 }).subarray(1);
}
