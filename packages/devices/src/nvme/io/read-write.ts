import type { Command } from '../commands/command.js';
import type { CommandHandler, Later } from '../commands/handler.js';
import type { ControllerState } from '../controller-state.js';
import { STATUS, type Status } from '../status.js';
import { blockCount, byteOffset, checkBlocks } from './block-range.js';
import { MAX_TRANSFER_BYTES } from './constants.js';
import { flushed, forcesUnitAccess, written } from './durability.js';

/** Common to Read, Write and Compare: the data is as long as the blocks. */
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
    if (length > MAX_TRANSFER_BYTES) return STATUS.INVALID_FIELD_IN_COMMAND;
    command.dataLength = length;
    return checkBlocks(command, namespace, this.#isWrite);
  }

  abstract perform(command: Command, data: readonly Uint8Array[]): Status | Promise<Status> | Later;
}

/** Read (NVM Express 1.4, 6.9). */
export class Read extends BlockTransfer {
  constructor(state: ControllerState) {
    super(state, false);
  }

  perform(command: Command, data: readonly Uint8Array[]): Status | Promise<Status> | Later {
    const { namespace } = this.state;
    const offset = byteOffset(command, namespace);
    if (namespace.storage.tryRead(offset, data)) return this.#done(command);
    const copy = command.clone();
    return async (target) => {
      await namespace.storage.read(offset, target);
      return this.#done(copy);
    };
  }

  #done(command: Command): Status | Promise<Status> {
    const { namespace, statistics } = this.state;
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

  perform(command: Command, data: readonly Uint8Array[]): Status | Promise<Status> | Later {
    const { namespace } = this.state;
    const offset = byteOffset(command, namespace);
    if (namespace.storage.tryWrite(offset, data)) return this.#done(command);
    const copy = command.clone();
    return async (source) => {
      await namespace.storage.write(offset, source);
      return this.#done(copy);
    };
  }

  #done(command: Command): Status | Promise<Status> {
    const { statistics } = this.state;
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

  perform(command: Command, data: readonly Uint8Array[]): Status | Later {
    const { storage } = this.state.namespace;
    const offset = byteOffset(command, this.state.namespace);
    const stored = this.#stored.subarray(0, command.dataLength);
    if (storage.tryRead(offset, [stored])) return this.#compare(stored, data);
    return async (expected) => {
      const later = new Uint8Array(expected.length);
      await storage.read(offset, later);
      return this.#compare(later, [expected]);
    };
  }

  #compare(stored: Uint8Array, data: readonly Uint8Array[]): Status {
    this.state.statistics.readCommands++;
    let done = 0;
    for (const piece of data) {
      const expected = stored.subarray(done, done + piece.length);
      if (Buffer.compare(expected, piece) !== 0) return STATUS.COMPARE_FAILURE;
      done += piece.length;
    }
    return STATUS.SUCCESS;
  }
}
