import type { Iova } from '@vfio-user/core';
import type { Command } from '../commands/command.js';
import { type CommandHandler, withoutData } from '../commands/handler.js';
import type { ControllerState } from '../controller-state.js';
import { COMPLETION_BYTES, CompletionQueue } from '../queues/completion-queue.js';
import { COMMAND_BYTES, SubmissionQueue } from '../queues/submission-queue.js';
import { MAX_QUEUE_ENTRIES, MIN_PAGE_BYTES } from '../registers.js';
import { STATUS, type Status } from '../status.js';

const PHYSICALLY_CONTIGUOUS = 1 << 0;
const INTERRUPTS_ENABLED = 1 << 1;

/** Create I/O Completion Queue (NVM Express 1.4, 5.3). */
export function createCompletionQueue(state: ControllerState): CommandHandler {
  return withoutData((command) => {
    const id = command.dword(10) & 0xffff;
    const flags = command.dword(11);
    const interruptVector = flags >>> 16;
    const interruptsEnabled = (flags & INTERRUPTS_ENABLED) !== 0;
    if (!state.queues.isIoQueueId(id) || state.queues.completionQueue(id) !== undefined) {
      return STATUS.INVALID_QUEUE_IDENTIFIER;
    }
    const status = checkQueueMemory(state, command);
    if (status !== STATUS.SUCCESS) return status;
    if (1 << state.configuration.iocqes !== COMPLETION_BYTES) {
      return STATUS.INVALID_FIELD_IN_COMMAND;
    }
    const lastVector = state.interrupts.areMessages ? state.ioQueues : 0;
    if (interruptsEnabled && interruptVector > lastVector) return STATUS.INVALID_INTERRUPT_VECTOR;
    const { base, entryCount } = placeOf(command);
    const init = { id, base, entryCount, interruptVector, interruptsEnabled };
    const queue = new CompletionQueue(state.host.dma, init);
    state.queues.addCompletion(queue);
    state.resetDoorbell(id, 'head');
    return STATUS.SUCCESS;
  });
}

/** Create I/O Submission Queue (NVM Express 1.4, 5.4). */
export function createSubmissionQueue(state: ControllerState): CommandHandler {
  return withoutData((command) => {
    const id = command.dword(10) & 0xffff;
    const completionQueueId = command.dword(11) >>> 16;
    if (!state.queues.isIoQueueId(id) || state.queues.submissionQueue(id) !== undefined) {
      return STATUS.INVALID_QUEUE_IDENTIFIER;
    }
    if (!state.queues.isIoQueueId(completionQueueId)) return STATUS.INVALID_QUEUE_IDENTIFIER;
    const completionQueue = state.queues.completionQueue(completionQueueId);
    if (completionQueue === undefined) return STATUS.COMPLETION_QUEUE_INVALID;
    const status = checkQueueMemory(state, command);
    if (status !== STATUS.SUCCESS) return status;
    if (1 << state.configuration.iosqes !== COMMAND_BYTES) {
      return STATUS.INVALID_FIELD_IN_COMMAND;
    }
    const { base, entryCount } = placeOf(command);
    const init = { id, base, entryCount, completionQueue };
    const queue = new SubmissionQueue(state.host.dma, init);
    state.queues.addSubmission(queue);
    state.resetDoorbell(id, 'tail');
    return STATUS.SUCCESS;
  });
}

/** Delete I/O Submission Queue (NVM Express 1.4, 5.6): when its last command has ended. */
export function deleteSubmissionQueue(state: ControllerState): CommandHandler {
  const remove = (queue: SubmissionQueue): Status => {
    if (queue.state !== 'reset') state.queues.removeSubmission(queue);
    return STATUS.SUCCESS;
  };
  return withoutData((command) => {
    const id = command.dword(10) & 0xffff;
    const queue = state.queues.isIoQueueId(id) ? state.queues.submissionQueue(id) : undefined;
    if (queue?.state !== 'running') return STATUS.INVALID_QUEUE_IDENTIFIER;
    queue.state = 'deleted';
    const idle = queue.idle();
    return idle === undefined ? remove(queue) : idle.then(() => remove(queue));
  });
}

/** Delete I/O Completion Queue (NVM Express 1.4, 5.5). */
export function deleteCompletionQueue(state: ControllerState): CommandHandler {
  return withoutData((command) => {
    const id = command.dword(10) & 0xffff;
    const queue = state.queues.isIoQueueId(id) ? state.queues.completionQueue(id) : undefined;
    if (queue === undefined) return STATUS.INVALID_QUEUE_IDENTIFIER;
    if (queue.users > 0) return STATUS.INVALID_QUEUE_DELETION;
    state.queues.removeCompletion(queue);
    state.interrupts.update();
    return STATUS.SUCCESS;
  });
}

/** Checks that apply to both kinds of queue. */
function checkQueueMemory(state: ControllerState, command: Command): Status {
  const { base, entryCount } = placeOf(command);
  if (entryCount < 2 || entryCount > MAX_QUEUE_ENTRIES) return STATUS.INVALID_QUEUE_SIZE;
  if ((command.dword(11) & PHYSICALLY_CONTIGUOUS) === 0) return STATUS.INVALID_FIELD_IN_COMMAND;
  const pageBytes = MIN_PAGE_BYTES << state.configuration.mps;
  return BigInt(base) % BigInt(pageBytes) === 0n ? STATUS.SUCCESS : STATUS.PRP_OFFSET_INVALID;
}

function placeOf(command: Command): { base: Iova; entryCount: number } {
  return { base: command.prp1, entryCount: (command.dword(10) >>> 16) + 1 };
}
