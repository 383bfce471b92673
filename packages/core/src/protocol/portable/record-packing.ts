import { Packr } from 'msgpackr/pack';
import { Unpackr } from 'msgpackr/unpack';
import { VfioUserError } from '../../errors.js';
import { recordFault } from './record-fault.js';

/** Plain MessagePack: maps with string keys, none of the library's extensions. */
const packr = new Packr({ useRecords: false, variableMapSize: true, skipValues: [undefined] });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'auto' });

/**
 * The library encodes a number of more than 32 bits as a float, and a small `bigint` as 64 bits.
 */
const MAX_UINT32 = 0xffff_ffff;

function widened(value: unknown): unknown {
  switch (typeof value) {
    case 'number':
      if (!Number.isInteger(value)) {
        throw new VfioUserError('VFU_CONFIG_INVALID', `a message has integers, ${value} is none`);
      }
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

/**
 * Encode a record as MessagePack, in the library's buffer. Keys without a value are left out.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` for a number that is no integer.
 */
export function packRecord(record: object): Uint8Array {
  return packr.pack(widened(record));
}

/**
 * Decode the record in `[start, end)`, or return a text that says what is wrong. Binary values
 * borrow from `bytes`. Never throws.
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
