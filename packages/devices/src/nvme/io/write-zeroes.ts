import type { Command } from '../commands/command.js';
import type { CommandHandler } from '../commands/handler.js';
import type { ControllerState } from '../controller-state.js';
import type { Status } from '../status.js';
import { blockCount, byteOffset, checkBlocks } from './block-range.js';
import { written } from './durability.js';

/** Deallocate (DEAC), dword 12. */
const DEALLOCATE = 1 << 25;

/** Write Zeroes (NVM Express 1.4, 6.17). Not limited by MDTS. */
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
    const deallocate = (command.dword(12) & DEALLOCATE) !== 0;
    const zeroed = namespace.storage.zero(offset, length, deallocate);
    if (zeroed === undefined) return written(command, this.#state);
    const copy = command.clone();
    return zeroed.then(() => written(copy, this.#state));
  }
}
