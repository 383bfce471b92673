import { Packr } from 'msgpackr/pack';
import { Unpackr } from 'msgpackr/unpack';
import { recordFault } from './record-fault.js';

/** Plain MessagePack: maps with string keys, none of the library's extensions. */
const packr = new Packr({ useRecords: false, variableMapSize: true, skipValues: [undefined] });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'auto' });

/** A record as MessagePack. Keys without a value are left out. */
export function packRecord(record: object): Uint8Array {
  return packr.pack(record);
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
