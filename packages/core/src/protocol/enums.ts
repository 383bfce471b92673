/**
 * Enumerations of the vfio-user specification (QEMU docs/interop/vfio-user.rst) and of the VFIO UAPI
 * it builds on. Names are the specification's.
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
  DMA_FAULT: 0x8006,
} as const;
export type ExtensionCommandNumber = (typeof ExtensionCommand)[keyof typeof ExtensionCommand];

const commandNames: ReadonlyMap<number, string> = new Map(
  Object.entries({ ...Command, ...ExtensionCommand }).map(([name, number]) => [number, name]),
);

/** Name of a command, also of an unknown one. */
export function commandName(command: number): string {
  return commandNames.get(command) ?? `command ${command}`;
}

/** Whether a command concerns the session itself, and no device. */
export function isHousekeeping(command: number): boolean {
  return command === ExtensionCommand.KEEP_ALIVE || command === ExtensionCommand.ACKNOWLEDGE;
}

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

/** Interrupt indexes of a PCI device (VFIO_PCI_*_IRQ_INDEX). */
export const Irq = { INTX: 0, MSI: 1, MSIX: 2, ERR: 3, REQ: 4 } as const;

/** "DEVICE_FEATURE": the features. */
export const Feature = {
  MIGRATION: 1,
  MIG_DEVICE_STATE: 2,
  DMA_LOGGING_START: 6,
  DMA_LOGGING_STOP: 7,
  DMA_LOGGING_REPORT: 8,
} as const;

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
