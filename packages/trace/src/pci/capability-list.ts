import type { ConfigBytes } from './config-bytes.js';

/** Where a capability was found. */
export interface CapabilityPlace {
  readonly offset: number;
  readonly id: number;
  /** In the list at 0x100 (PCI Express), not the one at 0x34. */
  readonly extended: boolean;
  /** Of an extended capability's header; 0 otherwise. */
  readonly version: number;
}

const STATUS_CAP_LIST = 1 << 4;
const FIRST_POINTER = 0x34;
const HEADER_BYTES = 0x40;
const CONVENTIONAL_BYTES = 0x100;
const MAX_CAPABILITIES = (CONVENTIONAL_BYTES - HEADER_BYTES) / 4;

/** Walk both capability lists in their order. A list that leaves its area or loops ends there. */
export function listCapabilities(config: ConfigBytes): CapabilityPlace[] {
  return [...listConventional(config), ...listExtended(config)];
}

function listConventional(config: ConfigBytes): CapabilityPlace[] {
  const found: CapabilityPlace[] = [];
  if ((config.u16(0x06) & STATUS_CAP_LIST) === 0) return found;
  let offset = config.u8(FIRST_POINTER) & ~3;
  while (offset >= HEADER_BYTES && found.length < MAX_CAPABILITIES) {
    found.push({ offset, id: config.u8(offset), extended: false, version: 0 });
    offset = config.u8(offset + 1) & ~3;
  }
  return found;
}

function listExtended(config: ConfigBytes): CapabilityPlace[] {
  const found: CapabilityPlace[] = [];
  const most = (config.length - CONVENTIONAL_BYTES) / 4;
  let offset = CONVENTIONAL_BYTES;
  while (offset >= CONVENTIONAL_BYTES && offset < config.length && found.length < most) {
    const header = config.u32(offset);
    // All-zeros: an empty list. All-ones: nothing answers.
    if (header === 0 || header === 0xffff_ffff) break;
    found.push({
      offset,
      id: header & 0xffff,
      extended: true,
      version: (header >>> 16) & 0xf,
    });
    offset = (header >>> 20) & ~3;
  }
  return found;
}
