import { TransportType } from '../native/constants.js';
import type { DeviceContext } from '../native/device-context.js';
import { foreign } from '../native/native-struct.js';
import { structs } from '../native/structs.js';
import { queryAttributes } from './attributes.js';
import { type ListedDevice, openListed, withDevices } from './device-list.js';
import { type PortInfo, queryPort } from './port.js';

/** An RDMA device of this machine, as it is now. */
export interface RdmaDeviceInfo {
  /** What {@link openDevice} takes, for example `mlx5_0`. */
  readonly name: string;
  readonly guid: string;
  /** `infiniband` is also that of RoCE. */
  readonly transport: 'infiniband' | 'iwarp' | 'usnic' | 'unspecified';
  readonly vendorId: number;
  readonly maxMemoryRegionBytes: number;
  readonly ports: readonly PortInfo[];
}

/** Whether RDMA is available. `reason` is a sentence that says what is missing, and what to do. */
export type ProbeResult =
  | { readonly available: true; readonly devices: readonly RdmaDeviceInfo[] }
  | { readonly available: false; readonly reason: string };

/** Looks for RDMA devices. Never throws. */
export function probe(): ProbeResult {
  try {
    return { available: true, devices: listDevices() };
  } catch (error) {
    return { available: false, reason: (error as Error).message };
  }
}

/**
 * The RDMA devices of this machine, at least one.
 * @throws {RdmaError} RDMA_UNAVAILABLE when something is missing.
 */
export function listDevices(): readonly RdmaDeviceInfo[] {
  return withDevices((devices) => devices.map(describe));
}

function describe(device: ListedDevice): RdmaDeviceInfo {
  const context = openListed(device);
  try {
    const { guid, vendorId, maxMrBytes, ports } = queryAttributes(context);
    return {
      name: device.name,
      guid,
      transport: transportOf(device),
      vendorId,
      maxMemoryRegionBytes: maxMrBytes,
      ports: Array.from({ length: ports }, (_, index) => queryPort(context, index + 1)),
    };
  } finally {
    close(context);
  }
}

function close(context: DeviceContext): void {
  context.library.closeDevice(context.invalidate());
}

/** How a listed device talks to its peers. */
export function transportOf(device: ListedDevice): RdmaDeviceInfo['transport'] {
  const { ibv_device } = structs;
  switch (foreign(device.pointer, ibv_device.size).getInt32(ibv_device.transport_type, true)) {
    case TransportType.IB:
      return 'infiniband';
    case TransportType.IWARP:
      return 'iwarp';
    case TransportType.USNIC:
    case TransportType.USNIC_UDP:
      return 'usnic';
    default:
      return 'unspecified';
  }
}
