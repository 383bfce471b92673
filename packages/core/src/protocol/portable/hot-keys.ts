import { Command, ExtensionCommand } from '../constants.js';
import { hotPrefixes, keyBytes } from './hot-prefixes.js';

/**
 * Register and memory accesses and signals are written and read without the library and without a
 * schema, which would cost more than all else that is done for such a message. The bytes are the
 * same.
 */
export const hot = {
  regionRead: hotPrefixes(Command.REGION_READ),
  regionWrite: hotPrefixes(Command.REGION_WRITE),
  dmaRead: hotPrefixes(Command.DMA_READ),
  dmaWrite: hotPrefixes(Command.DMA_WRITE),
  interrupt: hotPrefixes(ExtensionCommand.INTERRUPT),
  doorbell: hotPrefixes(ExtensionCommand.DOORBELL),
} as const;

/** The keys of their bodies. */
export const key = {
  offset: keyBytes('offset'),
  region: keyBytes('region'),
  count: keyBytes('count'),
  pushed: keyBytes('pushed'),
  address: keyBytes('address'),
  index: keyBytes('index'),
  vector: keyBytes('vector'),
  entry: keyBytes('entry'),
} as const;

/** Most pushed ranges that are written this way: as many as fit the shortest array format. */
export const MAX_HOT_RANGES = 15;
export const ARRAY_FORMAT = 0x90;
