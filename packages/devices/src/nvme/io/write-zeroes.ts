import type { CommandHandler } from '../commands/handler.js';
import type { ControllerState } from '../controller-state.js';
import { blockCount, byteOffset, checkBlocks } from './block-range.js';
import { written } from './durability.js';

/** Deallocate (DEAC), dword 12. */
const DEALLOCATE = 1 << 25;

/** Write Zeroes (NVM Express 1.4, 6.17). Not limited by MDTS. */
export function writeZeroes(state: ControllerState): CommandHandler {
  const { namespace, statistics } = state;
  return {
    check: (command) => checkBlocks(command, namespace, true),
    perform(command) {
      const offset = byteOffset(command, namespace);
      const length = blockCount(command) * namespace.blockBytes;
      statistics.writeCommands++;
      const deallocate = (command.dword(12) & DEALLOCATE) !== 0;
      const zeroed = namespace.storage.zero(offset, length, deallocate);
      if (zeroed === undefined) return written(command, state);
      const copy = command.clone();
      return zeroed.then(() => written(copy, state));
    },
  };
}
