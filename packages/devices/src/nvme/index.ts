/**
 * An NVM Express 1.4 controller: {@link nvme}. Start reading at `device.ts` (what the PCI side
 * sees), `controller.ts` (its life), `queues/scheduler.ts` (what happens after a doorbell) and
 * `commands/executor.ts` (how a command meets guest memory).
 */
export { ADMIN_OPCODE as NVME_ADMIN_OPCODE } from './admin/constants.js';
export { nvme } from './device.js';
export { IO_OPCODE as NVME_IO_OPCODE } from './io/constants.js';
export type { NvmeOptions } from './options.js';
export { COMMAND_BYTES as NVME_COMMAND_BYTES } from './queues/submission-queue.js';
/** The registers of BAR0, for drivers. */
export * as nvmeRegisters from './registers.js';
