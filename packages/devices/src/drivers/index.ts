/**
 * Pieces of user-space drivers for the devices of this package, for benchmarks and experiments: a
 * program plays the guest's driver through a client of core.
 *
 * @packageDocumentation
 */
export { InterruptWait } from './interrupt-wait.js';
export { CompletionRing } from './nvme/completion-ring.js';
export * as nvmeNumbers from './nvme/entries.js';
export { type NvmeCommand, SubmissionRing } from './nvme/submission-ring.js';
export { Registers } from './registers.js';
