import type { Frame } from '../../../src/transport/transport.js';
import { frameOf } from '../wire.js';

/** A frame with a right header around a record and data. */
export function frameOfRecord(record: Uint8Array, data: Uint8Array = new Uint8Array(0)): Frame {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(8 + record.length + data.length, 0);
  header.writeUInt32LE(record.length, 4);
  return frameOf(Buffer.concat([header, record, data]));
}
