import { Command } from '../constants.js';
import type { EncodedMessage } from '../encoding.js';
import type { DmaAccess, RegionAccess } from '../messages.js';
import type { FrameWriter } from './frame-writer.js';
import { type HotPrefix, hotPrefixes, keyBytes } from './hot-prefixes.js';

const OFFSET = keyBytes('offset');
const REGION = keyBytes('region');
const COUNT = keyBytes('count');
const ADDRESS = keyBytes('address');

/**
 * Register and memory accesses are written without the library and without a schema: a microsecond
 * each would be most of what such a message costs. The bytes are the same.
 */
export const hot = {
  regionRead: hotPrefixes(Command.REGION_READ, 3),
  regionWrite: hotPrefixes(Command.REGION_WRITE, 3),
  dmaRead: hotPrefixes(Command.DMA_READ, 2),
  dmaWrite: hotPrefixes(Command.DMA_WRITE, 2),
} as const;

/** Write a register access. `data` goes behind it. */
export function writeRegionAccess(
  out: FrameWriter,
  { beforeId, beforeBody }: HotPrefix,
  id: number,
  { offset, region, count }: RegionAccess,
  data?: Uint8Array,
): EncodedMessage {
  out.begin();
  out.packed(beforeId);
  out.integer(id);
  out.packed(beforeBody);
  out.packed(OFFSET);
  out.integer(offset);
  out.packed(REGION);
  out.integer(region);
  out.packed(COUNT);
  out.integer(count);
  out.endRecord();
  if (data !== undefined) out.bulk(data);
  return out.finish();
}

/** Write an access to client memory. `data` goes behind it. */
export function writeDmaAccess(
  out: FrameWriter,
  { beforeId, beforeBody }: HotPrefix,
  id: number,
  { address, count }: DmaAccess,
  data?: Uint8Array,
): EncodedMessage {
  out.begin();
  out.packed(beforeId);
  out.integer(id);
  out.packed(beforeBody);
  out.packed(ADDRESS);
  out.integer(address);
  out.packed(COUNT);
  out.integer(count);
  out.endRecord();
  if (data !== undefined) out.bulk(data);
  return out.finish();
}
