import { packRecord } from './record-packing.js';

/**
 * The constant bytes of a hot record, which is a map of integers under constant keys: `beforeId`,
 * the id, `beforeBody`, then the body.
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

/** Both formats of a map with up to 15 keys have their count in the low bits. */
export function mapFormat(keys: number): number {
  return 0x80 | keys;
}

/** Key and value, several in a row, as they stand inside a map. */
function entries(record: object): Uint8Array {
  // The library hands out a piece of its own buffer.
  return Uint8Array.from(packRecord(record)).subarray(1);
}

/** A key as it stands in front of its value. */
export function keyBytes(key: string): Uint8Array {
  return entries({ [key]: 0 }).subarray(0, -1);
}

function prefix(envelope: object, noReply: boolean): HotPrefix {
  const keys = Object.keys(envelope).length + (noReply ? 3 : 2);
  return {
    beforeId: Uint8Array.from([mapFormat(keys), ...entries(envelope), ...keyBytes('id')]),
    beforeBody: Uint8Array.from([
      ...(noReply ? entries({ noReply: true }) : []),
      ...keyBytes('body'),
    ]),
  };
}

/** The prefixes of `command`. */
export function hotPrefixes(command: number): HotPrefixes {
  return {
    request: prefix({ type: 'request', command }, false),
    oneWay: prefix({ type: 'request', command }, true),
    reply: prefix({ type: 'reply', command }, false),
  };
}
