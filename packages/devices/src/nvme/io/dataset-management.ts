import { getIova } from '@vfio-user/core';
import type { Command } from '../commands/command.js';
import type { CommandHandler } from '../commands/handler.js';
import { gather } from '../commands/pieces.js';
import type { ControllerState } from '../controller-state.js';
import type { SubmissionQueue } from '../queues/submission-queue.js';
import { STATUS, type Status } from '../status.js';
import { NAMESPACE_ID, type Namespace } from '../storage/namespace.js';

const RANGE_BYTES = 16;
/** Attribute Deallocate (AD), dword 11. */
const DEALLOCATE = 1 << 2;

/** Dataset Management (NVM Express 1.4, 6.7): deallocation; the other attributes are hints. */
export function datasetManagement({ namespace }: ControllerState): CommandHandler {
  return {
    check(command) {
      if (command.namespaceId !== NAMESPACE_ID) return STATUS.INVALID_NAMESPACE_OR_FORMAT;
      command.dataLength = ((command.dword(10) & 0xff) + 1) * RANGE_BYTES;
      return deallocates(command) && namespace.storage.isReadOnly
        ? STATUS.NAMESPACE_IS_WRITE_PROTECTED
        : STATUS.SUCCESS;
    },
    perform(command, data) {
      const ranges = new DataView(gather(data, command.dataLength).buffer);
      // All are checked before any is gone.
      for (let at = 0; at < ranges.byteLength; at += RANGE_BYTES) {
        const first = getIova(ranges, at + 8);
        if (!namespace.contains(first, ranges.getUint32(at + 4, true))) {
          return STATUS.LBA_OUT_OF_RANGE;
        }
      }
      return deallocates(command) ? discard(namespace, command.queue, ranges, 0) : STATUS.SUCCESS;
    },
  };
}

/** Discard the ranges from offset `from` on, one after the other. */
function discard(
  namespace: Namespace,
  queue: SubmissionQueue,
  ranges: DataView,
  from: number,
): Status | Promise<Status> {
  // What the host writes after a reset must not be wiped out.
  if (queue.state === 'reset') return STATUS.COMMAND_ABORT_REQUESTED;
  const { storage, blockBytes } = namespace;
  for (let at = from; at < ranges.byteLength; at += RANGE_BYTES) {
    const offset = Number(getIova(ranges, at + 8)) * blockBytes;
    const gone = storage.discard(offset, ranges.getUint32(at + 4, true) * blockBytes);
    if (gone !== undefined) {
      return gone.then(() => discard(namespace, queue, ranges, at + RANGE_BYTES));
    }
  }
  return STATUS.SUCCESS;
}

function deallocates(command: Command): boolean {
  return (command.dword(11) & DEALLOCATE) !== 0;
}
