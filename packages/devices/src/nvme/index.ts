/**
 * An NVM Express 1.4 controller: {@link nvme}. Start reading at `device.ts` (what the PCI side
 * sees), `controller.ts` (its life), `queues/scheduler.ts` (what happens after a doorbell) and
 * `commands/executor.ts` (how a command meets guest memory).
 */
export { nvme } from './device.js';
export type { NvmeOptions } from './options.js';
