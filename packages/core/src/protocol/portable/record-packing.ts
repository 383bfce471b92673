import { Packr } from 'msgpackr/pack';
import { Unpackr } from 'msgpackr/unpack';
import { recordFault } from './record-fault.js';

/** Plain MessagePack: maps with string keys, none of the library's extensions. */
const packr = new Packr({ useRecords: false, variableMapSize: true, skipValues: [undefined] });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'auto' });

/** The library takes a number of more than 32 bits for a float, and a small `bigint` for a large one. */
const MAX_UINT32 = 0xffff_ffff;

function widened(value: unknown): unknown {
  switch (typeof value) {
    case 'number':
      return value > MAX_UINT32 ? BigInt(value) : value;
    case 'bigint':
      return value > MAX_UINT32 ? value : Number(value);
    case 'object':
      if (Array.isArray(value)) return value.map(widened);
      if (value === null || value instanceof Uint8Array) return value;
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, widened(item)]));
    default:
      return value;
  }
}

/** A record as MessagePack, in memory of the library's. Keys without a value are left out. */
export function packRecord(record: object): Uint8Array {
  return packr.pack(widened(record));
}

/**
 * The record in the bytes `[start, end)`, or in words why there is none. Binary values in it borrow
 * from `bytes`. Never throws.
 */
export function unpackRecord(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
): Readonly<Record<string, unknown>> | string {
  const fault = recordFault(view, start, end);
  if (fault !== undefined) return `the record cannot be read: ${fault}`;
  try {
    return unpackr.unpack(bytes.subarray(start, end));
  } catch (error) {
    return `the record cannot be read: ${String(error)}`;
  }
}
