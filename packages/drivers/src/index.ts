/**
 * User-space drivers for NVMe controllers and for the test device: a program plays the guest and its
 * driver through a client of core.
 *
 * @packageDocumentation
 */
export { GUEST_BASE, Guest } from './guest.js';
export { InterruptWait } from './interrupt-wait.js';
export type { NvmeCompletion } from './nvme/completion-ring.js';
export {
  type IoQueuePairOptions,
  NvmeController,
  type QueuePairOptions,
} from './nvme/controller.js';
export type { Doorbells } from './nvme/doorbells.js';
export { type Namespace, NvmeDriver, type NvmeDriverOptions } from './nvme/driver.js';
export { type NvmeRequest, QueuePair } from './nvme/queue-pair.js';
export type { NvmeCommand, Ring } from './nvme/submission-ring.js';
export { type RegisterPort, Registers } from './registers.js';
export {
  type BurstOperation,
  type DmaOperation,
  LARGEST_TRANSFER,
  TestDeviceDriver,
} from './test-device.js';
