import { constants, DeviceState, Feature, Irq, Region } from '@vfio-user/core';

const {
  DEVICE_FLAG_PCI,
  DEVICE_FLAG_RESET,
  DMA_MAP_FILE_IO,
  DMA_MAP_MMAP,
  DMA_MAP_READ,
  DMA_MAP_WRITE,
  DMA_UNMAP_ALL,
  DMA_UNMAP_GET_DIRTY_BITMAP,
  FEATURE_GET,
  FEATURE_MASK,
  FEATURE_PROBE,
  FEATURE_SET,
  IRQ_FLAG_AUTOMASKED,
  IRQ_FLAG_EVENTFD,
  IRQ_FLAG_MASKABLE,
  IRQ_FLAG_NORESIZE,
  IRQ_SET_ACTION_MASK,
  IRQ_SET_ACTION_TRIGGER,
  IRQ_SET_ACTION_UNMASK,
  IRQ_SET_DATA_BOOL,
  IRQ_SET_DATA_EVENTFD,
  IRQ_SET_DATA_NONE,
  REGION_FLAG_CAPS,
  REGION_FLAG_MMAP,
  REGION_FLAG_READ,
  REGION_FLAG_WRITE,
} = constants;

/** Short names of flag bits, by command. */
export const DMA_MAP_FLAGS = {
  read: DMA_MAP_READ,
  write: DMA_MAP_WRITE,
  mmap: DMA_MAP_MMAP,
  'file-io': DMA_MAP_FILE_IO,
};
export const DMA_UNMAP_FLAGS = { 'dirty-bitmap': DMA_UNMAP_GET_DIRTY_BITMAP, all: DMA_UNMAP_ALL };
export const DEVICE_FLAGS = { reset: DEVICE_FLAG_RESET, pci: DEVICE_FLAG_PCI };
export const REGION_FLAGS = {
  read: REGION_FLAG_READ,
  write: REGION_FLAG_WRITE,
  mmap: REGION_FLAG_MMAP,
  caps: REGION_FLAG_CAPS,
};
export const IRQ_FLAGS = {
  eventfd: IRQ_FLAG_EVENTFD,
  maskable: IRQ_FLAG_MASKABLE,
  automasked: IRQ_FLAG_AUTOMASKED,
  noresize: IRQ_FLAG_NORESIZE,
};
export const SET_IRQS_FLAGS = {
  none: IRQ_SET_DATA_NONE,
  bool: IRQ_SET_DATA_BOOL,
  eventfd: IRQ_SET_DATA_EVENTFD,
  mask: IRQ_SET_ACTION_MASK,
  unmask: IRQ_SET_ACTION_UNMASK,
  trigger: IRQ_SET_ACTION_TRIGGER,
};
const FEATURE_OPERATIONS = { get: FEATURE_GET, set: FEATURE_SET, probe: FEATURE_PROBE };

/** The operations and the feature in the flags of DEVICE_FEATURE. */
export function splitFeature(flags: number): {
  readonly feature: number;
  readonly name: string;
  readonly operations: number;
  readonly operationNames: Readonly<Record<string, number>>;
} {
  const feature = flags & FEATURE_MASK;
  const name = nameOf(Feature, feature) ?? `feature ${feature}`;
  return {
    feature,
    name,
    operations: flags & ~FEATURE_MASK,
    operationNames: FEATURE_OPERATIONS,
  };
}

/** The name of a VFIO_DEVICE_STATE_*. */
export function deviceStateName(state: number): string {
  return nameOf(DeviceState, state) ?? `state ${state}`;
}

function nameOf(names: Readonly<Record<string, number>>, value: number): string | undefined {
  return Object.keys(names).find((name) => names[name] === value);
}

const REGIONS = byNumber(Region);
const INTERRUPTS = byNumber(Irq);

/** The name the specification gives to a region, for example `BAR0`. */
export function regionName(index: number): string {
  return REGIONS.get(index) ?? `REGION${index}`;
}

/** The name the specification gives to an interrupt index, for example `MSIX`. */
export function interruptName(index: number): string {
  return INTERRUPTS.get(index) ?? `IRQ${index}`;
}

function byNumber(numbers: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(numbers).map(([name, number]) => [number, name]));
}
