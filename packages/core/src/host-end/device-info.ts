import type { ClientTraits, DeviceMemory, RegionDefinition } from '../device/device.js';
import { EINVAL } from '../errno.js';
import { RequestRefusedError } from '../errors.js';
import type { InterruptController } from '../interrupts/interrupt-controller.js';
import type { PciFunction } from '../pci/function.js';
import { wholePages } from '../pci/mappable-areas.js';
import {
  DEVICE_FLAG_PCI,
  DEVICE_FLAG_RESET,
  IRQ_FLAG_EVENTFD,
  NUM_IRQS,
  NUM_REGIONS,
  REGION_FLAG_MMAP,
  REGION_FLAG_READ,
  REGION_FLAG_WRITE,
} from '../protocol/constants.js';
import type { DeviceInfo, IndexRequest, IrqInfo, RegionInfo } from '../protocol/messages.js';
import {
  DEVICE_INFO_BYTES,
  IRQ_INFO_BYTES,
  REGION_INFO_BYTES,
  SPARSE_AREA_BYTES,
  SPARSE_HEAD_BYTES,
} from '../protocol/struct-sizes.js';
import type { Peer } from '../session/peer.js';
import type { SharedMemory } from '../transport/resources.js';
import type { Connection } from '../transport/transport.js';
import type { Answer } from './control-requests.js';

/** "DEVICE_GET_INFO". */
export function deviceInfo(serial?: string): DeviceInfo {
  return {
    argsz: DEVICE_INFO_BYTES,
    flags: DEVICE_FLAG_RESET | DEVICE_FLAG_PCI,
    numRegions: NUM_REGIONS,
    numIrqs: NUM_IRQS,
    ...(serial !== undefined && { serial }),
  };
}

/** "DEVICE_GET_IRQ_INFO". */
export function irqInfo(
  interrupts: InterruptController,
  { index }: IndexRequest,
  peer: Peer,
): IrqInfo {
  if (index >= NUM_IRQS) {
    throw new RequestRefusedError(EINVAL, `DEVICE_GET_IRQ_INFO: no interrupt index ${index}`);
  }
  const info = { argsz: IRQ_INFO_BYTES, index, ...interrupts.info(index) };
  return peer.carriesInterrupts ? info : withoutEvents(info);
}

/** An interrupt index that cannot be signalled on this connection. */
export function withoutEvents(info: IrqInfo): IrqInfo {
  return { ...info, flags: info.flags & ~IRQ_FLAG_EVENTFD };
}

/** The regions of a device. */
export interface RegionSource {
  readonly pci: PciFunction;
  /** Page size of this host, bytes. */
  readonly pageBytes: number;
  /** The shareable memory behind `memory`, if there is any. */
  sharedMemoryOf(memory: DeviceMemory): SharedMemory | undefined;
}

/**
 * "DEVICE_GET_REGION_INFO". If argsz has no room for the capability, the reply says how much is
 * needed. The descriptor of the mappable memory is attached once there is room; one, however many
 * areas there are.
 */
export function regionInfo(
  device: RegionSource,
  { argsz, index }: IndexRequest,
  { capabilities }: Connection,
  client: ClientTraits,
): Answer<RegionInfo> {
  if (index >= NUM_REGIONS) {
    throw new RequestRefusedError(EINVAL, `DEVICE_GET_REGION_INFO: no region index ${index}`);
  }
  const region = device.pci.region(index);
  const info = { index, size: region?.size ?? 0, offset: 0, flags: regionFlags(region) };
  const mayMap = capabilities.sharedMemory && (region?.mayMap?.(client) ?? true);
  const shared = region?.memory && mayMap ? device.sharedMemoryOf(region.memory) : undefined;
  const areas = wholePages(region?.mappable ?? [], device.pageBytes);
  if (shared === undefined || areas.length === 0) {
    return { body: { argsz: REGION_INFO_BYTES, ...info } };
  }
  const needed = REGION_INFO_BYTES + SPARSE_HEAD_BYTES + SPARSE_AREA_BYTES * areas.length;
  const mappable = { ...info, argsz: needed, flags: info.flags | REGION_FLAG_MMAP };
  if (argsz < needed) return { body: mappable };
  return { body: { ...mappable, sparse: areas }, descriptors: [shared.descriptor()] };
}

function regionFlags(region: RegionDefinition | undefined): number {
  if (region === undefined) return 0;
  const readable = region.readable === false ? 0 : REGION_FLAG_READ;
  return readable | (region.writable === false ? 0 : REGION_FLAG_WRITE);
}
