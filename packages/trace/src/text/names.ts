import { constants, Feature, Irq, Region } from '@vfio-user/core';

/** Short names of flag bits, by command. */
export const DMA_MAP_FLAGS = {
  read: constants.DMA_MAP_READ,
  write: constants.DMA_MAP_WRITE,
  mmap: constants.DMA_MAP_MMAP,
  'file-io': constants.DMA_MAP_FILE_IO,
};
export const DMA_UNMAP_FLAGS = {
  'dirty-bitmap': constants.DMA_UNMAP_GET_DIRTY_BITMAP,
  all: constants.DMA_UNMAP_ALL,
};
export const DEVICE_FLAGS = { reset: constants.DEVICE_FLAG_RESET, pci: constants.DEVICE_FLAG_PCI };
export const REGION_FLAGS = {
  read: constants.REGION_FLAG_READ,
  write: constants.REGION_FLAG_WRITE,
  mmap: constants.REGION_FLAG_MMAP,
  caps: constants.REGION_FLAG_CAPS,
};
export const IRQ_FLAGS = {
  eventfd: constants.IRQ_FLAG_EVENTFD,
  maskable: constants.IRQ_FLAG_MASKABLE,
  automasked: constants.IRQ_FLAG_AUTOMASKED,
  noresize: constants.IRQ_FLAG_NORESIZE,
};
export const SET_IRQS_FLAGS = {
  none: constants.IRQ_SET_DATA_NONE,
  bool: constants.IRQ_SET_DATA_BOOL,
  eventfd: constants.IRQ_SET_DATA_EVENTFD,
  mask: constants.IRQ_SET_ACTION_MASK,
  unmask: constants.IRQ_SET_ACTION_UNMASK,
  trigger: constants.IRQ_SET_ACTION_TRIGGER,
};
const FEATURE_OPERATIONS = {
  get: constants.FEATURE_GET,
  set: constants.FEATURE_SET,
  probe: constants.FEATURE_PROBE,
};

/** The operations and the feature in the flags of DEVICE_FEATURE. */
export function splitFeature(flags: number): {
  readonly feature: number;
  readonly name: string;
  readonly operations: number;
  readonly operationNames: Readonly<Record<string, number>>;
} {
  const feature = flags & constants.FEATURE_MASK;
  const name = nameOf(Feature, feature) ?? `feature ${feature}`;
  return {
    feature,
    name,
    operations: flags & ~constants.FEATURE_MASK,
    operationNames: FEATURE_OPERATIONS,
  };
}

function nameOf(names: Readonly<Record<string, number>>, value: number): string | undefined {
  return Object.keys(names).find((name) => names[name] === value);
}

/** The name the specification gives to a region, for example `BAR0`. */
export function regionName(index: number): string {
  return nameOf(Region, index) ?? `REGION${index}`;
}

/** The name the specification gives to an interrupt index, for example `MSIX`. */
export function interruptName(index: number): string {
  return nameOf(Irq, index) ?? `IRQ${index}`;
}
