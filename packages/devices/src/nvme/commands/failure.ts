import { DmaFaultError, errno, type Logger, VfioUserError } from '@vfio-user/core';
import { STATUS, type Status } from '../status.js';
import { type Command, DIRECTION } from './command.js';

/** The status of a command whose handler threw. */
export function statusOfFailure(error: unknown, command: Command, logger: Logger): Status {
  // Its work was dropped, and nobody waits for it.
  if (command.queue.state === 'reset') return STATUS.COMMAND_ABORT_REQUESTED;
  if (VfioUserError.is(error)) {
    const fields = { err: error, opcode: command.opcode };
    // Mapped, but without memory behind it: that is the host's trouble, not the guest's mistake.
    if (error instanceof DmaFaultError && error.errno === errno.EFAULT) {
      logger.warn(fields, 'nvme: the host has no memory for guest memory of a command');
    } else {
      logger.debug(fields, 'nvme: guest memory of a command is not there');
    }
    return STATUS.DATA_TRANSFER_ERROR;
  }
  logger.error(
    { err: error, opcode: command.opcode, queue: command.queue.id },
    'nvme: a command failed',
  );
  if (command.queue.id === 0) return STATUS.INTERNAL_ERROR;
  if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') {
    return STATUS.CAPACITY_EXCEEDED;
  }
  return command.direction === DIRECTION.TO_HOST
    ? STATUS.UNRECOVERED_READ_ERROR
    : STATUS.WRITE_FAULT;
}
