/**
 * User-space drivers for NVMe controllers and for the test device: a program plays the guest and its
 * driver through a client of core.
 *
 * @packageDocumentation
 */
export { type DmaCommand, DmaEngine, LARGEST_TRANSFER } from './dma-engine.js';
export { GUEST_BASE, Guest } from './guest.js';
export { InterruptWait } from './interrupt-wait.js';
export { type Namespace, NvmeDriver, type NvmeDriverOptions } from './nvme/driver.js';
export * as nvmeNumbers from './nvme/entries.js';
export type { NvmeCommand } from './nvme/submission-ring.js';
export { Registers } from './registers.js';
