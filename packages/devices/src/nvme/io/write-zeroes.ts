import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Command } from '../commands/command.js';
import type { CommandHandler } from '../commands/handler.js';
import type { ControllerState } from '../controller-state.js';
import { STATUS, type Status } from '../status.js';
import { blockCount, byteOffset, checkBlocks } from './block-range.js';
import { written } from './durability.js';

/** Write Zeroes (NVM Express 1.4, 6.17). Not limited by MDTS, so that it may take many turns. */
export class WriteZeroes implements CommandHandler {
  readonly #state: ControllerState;

  constructor(state: ControllerState) {
    this.#state = state;
  }

  check(command: Command): Status {
    return checkBlocks(command, this.#state.namespace, true);
  }

  perform(command: Command): Status | Promise<Status> {
    const { namespace, statistics } = this.#state;
    const offset = byteOffset(command, namespace);
    const length = blockCount(command) * namespace.blockBytes;
    statistics.writeCommands++;
    if (length > namespace.storage.zeroSliceBytes) {
      return this.#zeroInSlices(command.clone(), offset, length);
    }
    namespace.storage.zero(offset, length);
    return written(command, this.#state);
  }

  async #zeroInSlices(command: Command, offset: number, length: number): Promise<Status> {
    const { storage } = this.#state.namespace;
    for (let done = 0; done < length; done += storage.zeroSliceBytes) {
      // What the host writes after a reset must not be wiped out.
      if (command.queue.state === 'reset') return STATUS.ABORT_REQUESTED;
      storage.zero(offset + done, Math.min(storage.zeroSliceBytes, length - done));
      await nextTurn();
    }
    return written(command, this.#state);
  }
}
