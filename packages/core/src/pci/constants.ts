/**
 * Numbers of the PCI Local Bus and PCI Express Base specifications. Names are lspci's or the
 * specification's.
 */

/** Bytes of configuration space. */
export const CONVENTIONAL_CONFIG_BYTES = 256;
export const EXPRESS_CONFIG_BYTES = 4096;

/** Header type 0: register offsets. */
export const Header = {
  VENDOR_ID: 0x00,
  DEVICE_ID: 0x02,
  COMMAND: 0x04,
  STATUS: 0x06,
  REVISION_ID: 0x08,
  CLASS_CODE: 0x09,
  CACHE_LINE_SIZE: 0x0c,
  LATENCY_TIMER: 0x0d,
  BAR0: 0x10,
  SUBSYSTEM_VENDOR_ID: 0x2c,
  SUBSYSTEM_ID: 0x2e,
  ROM: 0x30,
  CAPABILITIES: 0x34,
  INTERRUPT_LINE: 0x3c,
  INTERRUPT_PIN: 0x3d,
} as const;
export const HEADER_BYTES = 0x40;
export const EXTENDED_CAPABILITIES = 0x100;

/** Command register. */
export const COMMAND_IO = 1 << 0;
export const COMMAND_MEMORY = 1 << 1;
export const COMMAND_MASTER = 1 << 2;
export const COMMAND_PARITY = 1 << 6;
export const COMMAND_SERR = 1 << 8;
export const COMMAND_INTX_DISABLE = 1 << 10;

/** Status register: low byte. */
export const STATUS_INTERRUPT = 1 << 3;
export const STATUS_CAPABILITIES = 1 << 4;
/** Status register: error bits, write one to clear. */
export const STATUS_ERRORS = 0xf900;

/** BAR: low bits. */
export const BAR_IO = 1 << 0;
export const BAR_MEMORY_64 = 1 << 2;
export const BAR_PREFETCHABLE = 1 << 3;
export const ROM_ENABLE = 1 << 0;

/** Capability ids. */
export const CapabilityId = {
  POWER_MANAGEMENT: 0x01,
  MSI: 0x05,
  VENDOR_SPECIFIC: 0x09,
  PCI_EXPRESS: 0x10,
  MSIX: 0x11,
} as const;

/** Extended capability ids. */
export const ExtendedCapabilityId = {
  DEVICE_SERIAL_NUMBER: 0x0003,
  VENDOR_SPECIFIC: 0x000b,
} as const;

/** MSI-X table entry and mask bit. */
export const MSIX_ENTRY_BYTES = 16;
export const MSIX_ENTRY_MASKED = 1 << 0;
/** The largest MSI-X table (PCI 3.0, section 6.8.2). */
export const MAX_VECTORS = 2048;
