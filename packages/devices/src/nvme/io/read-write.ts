import type { Command } from '../commands/command.js';
import type { CommandHandler } from '../commands/handler.js';
import type { ControllerState } from '../controller-state.js';
import { STATUS, type Status } from '../status.js';
import { blockCount, byteOffset, checkBlocks } from './block-range.js';
import { MAX_TRANSFER_BYTES } from './constants.js';
import { flushed, forcesUnitAccess, written } from './durability.js';

/** What Read, Write and Compare have in common: a buffer as long as the blocks. */
abstract class BlockTransfer implements CommandHandler {
  protected readonly state: ControllerState;
  readonly #isWrite: boolean;

  constructor(state: ControllerState, isWrite: boolean) {
    this.state = state;
    this.#isWrite = isWrite;
  }

  check(command: Command): Status {
    const { namespace } = this.state;
    const length = blockCount(command) * namespace.blockBytes;
    if (length > MAX_TRANSFER_BYTES) return STATUS.INVALID_FIELD;
    command.dataLength = length;
    return checkBlocks(command, namespace, this.#isWrite);
  }

  abstract perform(command: Command, data: readonly Uint8Array[]): Status | Promise<Status>;
}

/** Read (NVM Express 1.4, 6.9). */
export class Read extends BlockTransfer {
  constructor(state: ControllerState) {
    super(state, false);
  }

  perform(command: Command, data: readonly Uint8Array[]): Status | Promise<Status> {
    const { namespace, statistics } = this.state;
    let offset = byteOffset(command, namespace);
    for (let index = 0; index < data.length; index++) {
      const piece = data[index] as Uint8Array; // below its length
      namespace.storage.read(offset, piece);
      offset += piece.length;
    }
    statistics.readCommands++;
    statistics.readBytes += command.dataLength;
    // What is read must be on the medium, too.
    return forcesUnitAccess(command) ? flushed(namespace.storage) : STATUS.SUCCESS;
  }
}

/** Write (NVM Express 1.4, 6.15). */
export class Write extends BlockTransfer {
  constructor(state: ControllerState) {
    super(state, true);
  }

  perform(command: Command, data: readonly Uint8Array[]): Status | Promise<Status> {
    const { namespace, statistics } = this.state;
    let offset = byteOffset(command, namespace);
    for (let index = 0; index < data.length; index++) {
      const piece = data[index] as Uint8Array; // below its length
      namespace.storage.write(offset, piece);
      offset += piece.length;
    }
    statistics.writeCommands++;
    statistics.writtenBytes += command.dataLength;
    return written(command, this.state);
  }
}

/** Compare (NVM Express 1.4, 6.6). */
export class Compare extends BlockTransfer {
  readonly #stored = new Uint8Array(MAX_TRANSFER_BYTES);

  constructor(state: ControllerState) {
    super(state, false);
  }

  perform(command: Command, data: readonly Uint8Array[]): Status {
    const { namespace, statistics } = this.state;
    const stored = this.#stored.subarray(0, command.dataLength);
    namespace.storage.read(byteOffset(command, namespace), stored);
    statistics.readCommands++;
    let done = 0;
    for (const piece of data) {
      const expected = stored.subarray(done, done + piece.length);
      if (Buffer.compare(expected, piece) !== 0) return STATUS.COMPARE_FAILURE;
      done += piece.length;
    }
    return STATUS.SUCCESS;
  }
}
