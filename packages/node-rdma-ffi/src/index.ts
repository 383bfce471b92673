/**
 * RDMA for Node.js: libibverbs (rdma-core), called through koffi. Importing works everywhere; the
 * library is loaded at the first use, from `libibverbs.so.1` or from where the environment variable
 * `NODE_RDMA_LIBRARY` says.
 *
 * @example
 * ```ts
 * import { openDevice, probe } from 'node-rdma-ffi';
 *
 * const found = probe();
 * if (!found.available) throw new Error(found.reason);
 * const device = openDevice(found.devices[0].name);
 * ```
 *
 * @packageDocumentation
 */

export type { CompletionQueue, CompletionQueueOptions } from './completion/completion-queue.js';
export { CompletionOpcode, CompletionStatus, completionStatusText } from './completion/status.js';
export { openDevice, type RdmaDevice } from './device.js';
export { type DeviceEvent, type DeviceEventCode, deviceEventText } from './device-events.js';
export type { DeviceAttributes } from './discovery/attributes.js';
export { type GidInfo, gidFromText, gidToText } from './discovery/gid.js';
export type { PortInfo } from './discovery/port.js';
export { listDevices, type ProbeResult, probe, type RdmaDeviceInfo } from './discovery/probe.js';
export { completionError, RdmaError, type RdmaErrorCode } from './errors.js';
export type { MemoryRegionAccess } from './memory/access.js';
export type { AddressRange, MemoryRegion } from './memory/memory-region.js';
export { addressOf, NativeBuffer } from './memory/native-buffer.js';
export type { ProtectionDomain } from './protection-domain.js';
export type { QueuePairOptions } from './queue-pair/creation.js';
export type { QueuePairConnectOptions, QueuePairParameters } from './queue-pair/parameters.js';
export type { QueuePair, QueuePairStateName } from './queue-pair/queue-pair.js';
export {
  type ReadRequest,
  type ReceiveRequest,
  SendFlag,
  type SendRequest,
  type WriteRequest,
} from './queue-pair/work-requests.js';
