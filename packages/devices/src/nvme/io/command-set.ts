import { type CommandSet, commandSet } from '../commands/handler.js';
import type { ControllerState } from '../controller-state.js';
import { IO_OPCODE } from './constants.js';
import { datasetManagement } from './dataset-management.js';
import { flush } from './flush.js';
import { Compare, Read, Write } from './read-write.js';
import { writeZeroes } from './write-zeroes.js';

/** The NVM command set. */
export function ioCommandSet(state: ControllerState): CommandSet {
  return commandSet({
    [IO_OPCODE.FLUSH]: flush(state),
    [IO_OPCODE.WRITE]: new Write(state),
    [IO_OPCODE.READ]: new Read(state),
    [IO_OPCODE.COMPARE]: new Compare(state),
    [IO_OPCODE.WRITE_ZEROES]: writeZeroes(state),
    ...(state.namespace.storage.deallocation && {
      [IO_OPCODE.DATASET_MANAGEMENT]: datasetManagement(state),
    }),
  });
}
