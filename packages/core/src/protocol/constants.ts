/**
 * Numbers of the vfio-user specification (QEMU docs/interop/vfio-user.rst) and of the VFIO UAPI it
 * builds on. Names are the specification's.
 */

/** "Commands": the numbers of the message types. */
export const Command = {
  VERSION: 1,
  DMA_MAP: 2,
  DMA_UNMAP: 3,
  DEVICE_GET_INFO: 4,
  DEVICE_GET_REGION_INFO: 5,
  DEVICE_GET_REGION_IO_FDS: 6,
  DEVICE_GET_IRQ_INFO: 7,
  DEVICE_SET_IRQS: 8,
  REGION_READ: 9,
  REGION_WRITE: 10,
  DMA_READ: 11,
  DMA_WRITE: 12,
  DEVICE_RESET: 13,
  REGION_WRITE_MULTI: 15,
  DEVICE_FEATURE: 16,
  MIG_DATA_READ: 17,
  MIG_DATA_WRITE: 18,
} as const;
export type CommandName = keyof typeof Command;
export type CommandNumber = (typeof Command)[CommandName];

/**
 * Commands of the portable encoding only, in place of descriptors and shared memory. Outside the
 * specification's range, so that later standard commands do not collide.
 */
export const ExtensionCommand = {
  INTERRUPT: 0x8001,
  DOORBELL: 0x8002,
  KEEP_ALIVE: 0x8003,
  ACKNOWLEDGE: 0x8004,
  PUSH_RULES: 0x8005,
} as const;
export type ExtensionCommandNumber = (typeof ExtensionCommand)[keyof typeof ExtensionCommand];

const commandNames: ReadonlyMap<number, string> = new Map(
  Object.entries({ ...Command, ...ExtensionCommand }).map(([name, number]) => [number, name]),
);

/** Name of a command, also of an unknown one. */
export function commandName(command: number): string {
  return commandNames.get(command) ?? `command ${command}`;
}

/** "Header": flags. Bits 0 to 3 are the message type. */
export const HEADER_BYTES = 16;
export const HEADER_TYPE_MASK = 0xf;
export const HEADER_TYPE_COMMAND = 0;
export const HEADER_TYPE_REPLY = 1;
export const HEADER_FLAG_NO_REPLY = 1 << 4;
export const HEADER_FLAG_ERROR = 1 << 5;

/** "VERSION": the version implemented here, and the defaults of the capabilities. */
export const VERSION_MAJOR = 0;
export const VERSION_MINOR = 2;
export const DEFAULT_MAX_MSG_FDS = 1;
export const DEFAULT_MAX_DATA_XFER_SIZE = 1_048_576;
export const DEFAULT_MAX_DMA_MAPS = 65_535;
export const DEFAULT_PGSIZES = 4096;

/** "DMA_MAP": flags. */
export const DMA_MAP_READ = 1 << 0;
export const DMA_MAP_WRITE = 1 << 1;
export const DMA_MAP_MMAP = 1 << 2;
export const DMA_MAP_FILE_IO = 1 << 3;

/** "DMA_UNMAP": flags. */
export const DMA_UNMAP_GET_DIRTY_BITMAP = 1 << 0;
export const DMA_UNMAP_ALL = 1 << 1;

/** "DEVICE_GET_INFO": flags (VFIO_DEVICE_FLAGS_*). */
export const DEVICE_FLAG_RESET = 1 << 0;
export const DEVICE_FLAG_PCI = 1 << 1;

/** "DEVICE_GET_REGION_INFO": flags (VFIO_REGION_INFO_FLAG_*) and capabilities. */
export const REGION_FLAG_READ = 1 << 0;
export const REGION_FLAG_WRITE = 1 << 1;
export const REGION_FLAG_MMAP = 1 << 2;
export const REGION_FLAG_CAPS = 1 << 3;
export const REGION_CAP_SPARSE_MMAP = 1;

/** Region indexes of a PCI device (VFIO_PCI_*_REGION_INDEX). */
export const Region = {
  BAR0: 0,
  BAR1: 1,
  BAR2: 2,
  BAR3: 3,
  BAR4: 4,
  BAR5: 5,
  ROM: 6,
  CONFIG: 7,
  VGA: 8,
} as const;
export const NUM_REGIONS = 9;

/** "DEVICE_GET_IRQ_INFO": flags (VFIO_IRQ_INFO_*). */
export const IRQ_FLAG_EVENTFD = 1 << 0;
export const IRQ_FLAG_MASKABLE = 1 << 1;
export const IRQ_FLAG_AUTOMASKED = 1 << 2;
export const IRQ_FLAG_NORESIZE = 1 << 3;

/** Interrupt indexes of a PCI device (VFIO_PCI_*_IRQ_INDEX). */
export const Irq = { INTX: 0, MSI: 1, MSIX: 2, ERR: 3, REQ: 4 } as const;
export const NUM_IRQS = 5;

/** "DEVICE_SET_IRQS": flags (VFIO_IRQ_SET_*). */
export const IRQ_SET_DATA_NONE = 1 << 0;
export const IRQ_SET_DATA_BOOL = 1 << 1;
export const IRQ_SET_DATA_EVENTFD = 1 << 2;
export const IRQ_SET_ACTION_MASK = 1 << 3;
export const IRQ_SET_ACTION_UNMASK = 1 << 4;
export const IRQ_SET_ACTION_TRIGGER = 1 << 5;

/** "DEVICE_GET_REGION_IO_FDS": entry types. */
export const IO_FD_TYPE_IOEVENTFD = 0;
export const IO_FD_TYPE_IOREGIONFD = 1;
export const IO_FD_TYPE_SHADOW_IOEVENTFD = 2;

/** "DEVICE_FEATURE": low 16 bits of flags are the feature, then the operations. */
export const FEATURE_MASK = 0xffff;
export const FEATURE_GET = 1 << 16;
export const FEATURE_SET = 1 << 17;
export const FEATURE_PROBE = 1 << 18;
export const Feature = {
  MIGRATION: 1,
  MIG_DEVICE_STATE: 2,
  DMA_LOGGING_START: 6,
  DMA_LOGGING_STOP: 7,
  DMA_LOGGING_REPORT: 8,
} as const;

/** VFIO_MIGRATION_* flags of the MIGRATION feature. */
export const MIGRATION_STOP_COPY = 1 << 0;
export const MIGRATION_P2P = 1 << 1;
export const MIGRATION_PRE_COPY = 1 << 2;

/** VFIO_DEVICE_STATE_*. */
export const DeviceState = {
  ERROR: 0,
  STOP: 1,
  RUNNING: 2,
  STOP_COPY: 3,
  RESUMING: 4,
  RUNNING_P2P: 5,
  PRE_COPY: 6,
  PRE_COPY_P2P: 7,
} as const;
