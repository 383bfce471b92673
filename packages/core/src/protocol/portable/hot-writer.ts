import type { EncodedMessage } from '../encoding.js';
import type {
  DmaAccess,
  Doorbell,
  Interrupt,
  PushedMemory,
  RegionAccess,
  RegionData,
} from '../messages.js';
import type { FrameWriter } from './frame-writer.js';
import { ARRAY_FORMAT, key } from './hot-keys.js';
import { type HotPrefix, mapFormat } from './hot-prefixes.js';

/** Write a register access. `data` goes behind it. */
export function writeRegionAccess(
  out: FrameWriter,
  prefix: HotPrefix,
  id: number,
  access: RegionAccess,
  data?: Uint8Array,
): EncodedMessage {
  begin(out, prefix, id, 3);
  regionFields(out, access);
  return end(out, data);
}

/** Write a register write that brings memory along. */
export function writePushingWrite(
  out: FrameWriter,
  prefix: HotPrefix,
  id: number,
  write: RegionData,
  pushed: readonly PushedMemory[],
): EncodedMessage {
  begin(out, prefix, id, 4);
  regionFields(out, write);
  out.packed(key.pushed);
  out.byte(ARRAY_FORMAT | pushed.length);
  for (const { address, data } of pushed) {
    out.byte(mapFormat(2));
    dmaFields(out, address, data.length);
  }
  out.endRecord();
  out.bulk(write.data);
  for (const { data } of pushed) out.bulk(data);
  return out.finish();
}

/** Write an access to client memory. `data` goes behind it. */
export function writeDmaAccess(
  out: FrameWriter,
  prefix: HotPrefix,
  id: number,
  { address, count }: DmaAccess,
  data?: Uint8Array,
): EncodedMessage {
  begin(out, prefix, id, 2);
  dmaFields(out, address, count);
  return end(out, data);
}

/** Write an interrupt. */
export function writeInterrupt(
  out: FrameWriter,
  prefix: HotPrefix,
  id: number,
  { index, vector, count }: Interrupt,
): EncodedMessage {
  begin(out, prefix, id, 3);
  field(out, key.index, index);
  field(out, key.vector, vector);
  field(out, key.count, count);
  return end(out);
}

/** Write a doorbell. */
export function writeDoorbell(
  out: FrameWriter,
  prefix: HotPrefix,
  id: number,
  { region, entry, count }: Doorbell,
): EncodedMessage {
  begin(out, prefix, id, 3);
  field(out, key.region, region);
  field(out, key.entry, entry);
  field(out, key.count, count);
  return end(out);
}

function begin(out: FrameWriter, prefix: HotPrefix, id: number, fields: number): void {
  out.begin();
  out.packed(prefix.beforeId);
  out.integer(id);
  out.packed(prefix.beforeBody);
  out.byte(mapFormat(fields));
}

function end(out: FrameWriter, data?: Uint8Array): EncodedMessage {
  out.endRecord();
  if (data !== undefined) out.bulk(data);
  return out.finish();
}

function field(out: FrameWriter, key: Uint8Array, value: number | bigint): void {
  out.packed(key);
  out.integer(value);
}

function regionFields(out: FrameWriter, { offset, region, count }: RegionAccess): void {
  field(out, key.offset, offset);
  field(out, key.region, region);
  field(out, key.count, count);
}

function dmaFields(out: FrameWriter, address: number | bigint, count: number): void {
  field(out, key.address, address);
  field(out, key.count, count);
}
