import type { SubmissionQueue } from '../queues/submission-queue.js';
import { STATUS } from '../status.js';
import { type Command, DATA_POINTER } from './command.js';
import type { Completer } from './completer.js';
import type { Executor } from './executor.js';
import type { CommandSet } from './handler.js';

/** Hands each command to what its opcode means in its queue. */
export class Dispatcher {
  readonly #admin: CommandSet;
  readonly #io: CommandSet;
  readonly #executor: Executor;
  readonly #completer: Completer;

  constructor(admin: CommandSet, io: CommandSet, executor: Executor, completer: Completer) {
    this.#admin = admin;
    this.#io = io;
    this.#executor = executor;
    this.#completer = completer;
  }

  /** No further command of this queue may be started now. */
  isFull(queue: SubmissionQueue): boolean {
    return this.#executor.isFull(queue.id === 0);
  }

  /** `command` may be used again when this returns. */
  dispatch(command: Command): void {
    const isAdmin = command.queue.id === 0;
    const handler = (isAdmin ? this.#admin : this.#io)[command.opcode];
    if (handler === undefined) this.#completer.complete(command, STATUS.INVALID_OPCODE);
    else if (command.fused !== 0 || !hasValidDataPointer(command, isAdmin)) {
      this.#completer.complete(command, STATUS.INVALID_FIELD);
    } else this.#executor.execute(command, handler);
  }
}

/** Admin commands use PRPs only (NVM Express 1.4, figure 105). */
function hasValidDataPointer(command: Command, isAdmin: boolean): boolean {
  const kind = command.dataPointer;
  return isAdmin ? kind === DATA_POINTER.PRP : kind !== DATA_POINTER.RESERVED;
}
