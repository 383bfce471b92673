import { type CommandSet, commandSet, NO_COMPLETION, withoutData } from '../commands/handler.js';
import type { ControllerState } from '../controller-state.js';
import { STATUS } from '../status.js';
import { ADMIN_OPCODE } from './constants.js';
import { getFeatures, setFeatures } from './feature-commands.js';
import { identify } from './identify.js';
import { getLogPage } from './log-pages.js';
import {
  createCompletionQueue,
  createSubmissionQueue,
  deleteCompletionQueue,
  deleteSubmissionQueue,
} from './queue-commands.js';

/** Abort: "the command was not aborted". */
const NOT_ABORTED = 1;

/** The admin commands. */
export function adminCommandSet(state: ControllerState): CommandSet {
  return commandSet({
    [ADMIN_OPCODE.DELETE_SUBMISSION_QUEUE]: deleteSubmissionQueue(state),
    [ADMIN_OPCODE.CREATE_SUBMISSION_QUEUE]: createSubmissionQueue(state),
    [ADMIN_OPCODE.GET_LOG_PAGE]: getLogPage(state),
    [ADMIN_OPCODE.DELETE_COMPLETION_QUEUE]: deleteCompletionQueue(state),
    [ADMIN_OPCODE.CREATE_COMPLETION_QUEUE]: createCompletionQueue(state),
    [ADMIN_OPCODE.IDENTIFY]: identify(state),
    // Only requests that wait for an event stay around long enough to be aborted.
    [ADMIN_OPCODE.ABORT]: withoutData((command) => {
      const queueId = command.dword(10) & 0xffff;
      const commandId = command.dword(10) >>> 16;
      const isAborted = queueId === 0 && state.events.abort(command.queue, commandId);
      command.result = isAborted ? 0 : NOT_ABORTED;
      return STATUS.SUCCESS;
    }),
    [ADMIN_OPCODE.SET_FEATURES]: setFeatures(state),
    [ADMIN_OPCODE.GET_FEATURES]: getFeatures(state),
    [ADMIN_OPCODE.ASYNC_EVENT_REQUEST]: withoutData((command) =>
      state.events.addRequest(command.id)
        ? NO_COMPLETION
        : STATUS.ASYNCHRONOUS_EVENT_REQUEST_LIMIT_EXCEEDED,
    ),
  });
}
