import type { Dma, Logger } from '@vfio-user/core';
import { GuestBuffer } from '../data-pointer/guest-buffer.js';
import type { DataPointerResolver } from '../data-pointer/resolver.js';
import type { SubmissionQueue } from '../queues/submission-queue.js';
import { STATUS, type Status } from '../status.js';
import { type Command, DATA_POINTER, DIRECTION } from './command.js';
import type { Completer } from './completer.js';
import { statusOfFailure } from './failure.js';
import { type CommandHandler, type CommandSet, NO_COMPLETION } from './handler.js';
import { gather } from './pieces.js';
import type { PostedWrites } from './posted-writes.js';

/** Commands in flight on copied buffers: bounds the memory that a guest makes us allocate. */
const MAX_RUNNING_COMMANDS = 256;
const MAX_RUNNING_BYTES = 16 * 1024 * 1024;
/** Further ones for the admin queue, which must work while the storage does not answer. */
const ADMIN_COMMANDS = 64;
const ADMIN_BYTES = 1024 * 1024;

/** Commands of up to this many bytes share one copy, unless they have to wait. */
const SHARED_COPY_BYTES = 4096;

const NO_DATA: readonly Uint8Array[] = [];

/** What an {@link Executor} works with. */
export interface ExecutorInit {
  readonly dma: Dma;
  readonly logger: Logger;
  readonly admin: CommandSet;
  readonly io: CommandSet;
  readonly resolver: DataPointerResolver;
  readonly completer: Completer;
  readonly posted: PostedWrites;
}

/**
 * Runs each command by what its opcode means in its queue: on views of guest memory where all of it
 * has one, otherwise on a copy. Nothing waits unless guest memory or the storage takes time.
 */
export class Executor {
  readonly #init: ExecutorInit;
  #buffer = new GuestBuffer();
  #copy: Uint8Array | undefined;
  #runningCommands = 0;
  #runningBytes = 0;

  constructor(init: ExecutorInit) {
    this.#init = init;
  }

  /** Whether no further command of this queue may be started now. */
  isFull(queue: SubmissionQueue): boolean {
    const isAdmin = queue.id === 0;
    const commands = MAX_RUNNING_COMMANDS + (isAdmin ? ADMIN_COMMANDS : 0);
    const bytes = MAX_RUNNING_BYTES + (isAdmin ? ADMIN_BYTES : 0);
    return (
      this.#runningCommands >= commands || this.#runningBytes + this.#init.posted.bytes >= bytes
    );
  }

  /** `command` may be used again when this returns. */
  execute(command: Command): void {
    const isAdmin = command.queue.id === 0;
    const handler = (isAdmin ? this.#init.admin : this.#init.io)[command.opcode];
    const { completer } = this.#init;
    if (handler === undefined) completer.complete(command, STATUS.INVALID_COMMAND_OPCODE);
    else if (command.fused !== 0 || !hasValidDataPointer(command, isAdmin)) {
      completer.complete(command, STATUS.INVALID_FIELD_IN_COMMAND);
    } else {
      try {
        this.#begin(command, handler);
      } catch (error) {
        this.#fail(command, error);
      }
    }
  }

  #begin(command: Command, handler: CommandHandler): void {
    const status = handler.check(command);
    if (status !== STATUS.SUCCESS) this.#init.completer.complete(command, status);
    else if (command.dataLength === 0) this.#perform(command, handler, NO_DATA);
    else {
      const buffer = this.#buffer;
      const resolved = this.#init.resolver.resolve(command, buffer);
      if (typeof resolved === 'number') this.#transfer(command, handler, resolved, buffer);
      else {
        this.#wait(command, resolved, (own, found) => this.#transfer(own, handler, found, buffer));
      }
    }
  }

  /** Continue with the data pointer resolved. */
  #transfer(command: Command, handler: CommandHandler, found: Status, buffer: GuestBuffer): void {
    if (found !== STATUS.SUCCESS) {
      this.#init.completer.complete(command, found);
      return;
    }
    const isToHost = command.direction === DIRECTION.TO_HOST;
    const { dma } = this.#init;
    const access = isToHost ? 'write' : 'read';
    const views = buffer.views(dma, access);
    if (views !== undefined) {
      this.#perform(command, handler, views, buffer);
      return;
    }
    buffer.lookUp(dma, access);
    const copy = this.#copyFor(command.dataLength);
    const reading = isToHost ? undefined : buffer.read(copy);
    if (reading === undefined) this.#perform(command, handler, [copy], buffer, copy);
    else {
      this.#wait(command, reading, (own) => this.#perform(own, handler, [copy], buffer, copy));
    }
  }

  /** @param copy what `data` consists of, unless that is guest memory itself. */
  #perform(
    command: Command,
    handler: CommandHandler,
    data: readonly Uint8Array[],
    buffer?: GuestBuffer,
    copy?: Uint8Array,
  ): void {
    // Nothing from before a reset of the controller may reach the storage.
    if (command.queue.state === 'reset') {
      this.#init.completer.complete(command, STATUS.COMMAND_ABORT_REQUESTED);
      return;
    }
    const outcome = handler.perform(command, data);
    if (typeof outcome === 'number') this.#end(command, outcome, buffer, copy);
    else if (typeof outcome === 'object') {
      this.#wait(command, outcome, (own, status) => this.#end(own, status, buffer, copy));
    } else {
      const kept = copy ?? this.#copyOf(command, data, buffer);
      this.#wait(command, outcome(kept), (own, status) => this.#end(own, status, buffer, kept));
    }
  }

  /** Memory for the data of a command: it is given away with the command if that waits. */
  #copyFor(length: number): Uint8Array {
    if (length > SHARED_COPY_BYTES) return new Uint8Array(length);
    this.#copy ??= new Uint8Array(SHARED_COPY_BYTES);
    return length === SHARED_COPY_BYTES ? this.#copy : this.#copy.subarray(0, length);
  }

  /** A view must not outlive the turn. */
  #copyOf(
    { direction, dataLength }: Command,
    data: readonly Uint8Array[],
    buffer: GuestBuffer | undefined,
  ): Uint8Array {
    if (direction !== DIRECTION.TO_HOST) return gather(data, dataLength);
    buffer?.lookUp(this.#init.dma, 'write');
    return new Uint8Array(dataLength);
  }

  #end(
    command: Command,
    status: Status | typeof NO_COMPLETION,
    buffer: GuestBuffer | undefined,
    copy: Uint8Array | undefined,
  ): void {
    const { completer, posted } = this.#init;
    if (status === NO_COMPLETION) {
      completer.leaveOpen(command);
      return;
    }
    const { queue } = command;
    const isToHost = command.direction === DIRECTION.TO_HOST;
    if (isToHost && copy !== undefined && status === STATUS.SUCCESS && queue.state !== 'reset') {
      buffer?.write(copy, (writing, bytes) => {
        this.#copy = undefined;
        posted.add(writing, bytes, queue);
      });
    }
    completer.complete(command, status);
  }

  /** Continue with a copy of the command, which cannot complete in this turn. */
  #wait<Value>(
    command: Command,
    work: Promise<Value>,
    next: (own: Command, value: Value) => void,
  ): void {
    const own = command.clone();
    // What waits keeps its buffer.
    this.#buffer = new GuestBuffer();
    this.#copy = undefined;
    this.#runningCommands++;
    this.#runningBytes += own.dataLength;
    own.queue.commandStarted();
    work.then(
      (value) => {
        try {
          next(own, value);
        } catch (error) {
          this.#fail(own, error);
        }
        this.#ended(own);
      },
      (error) => {
        this.#fail(own, error);
        this.#ended(own);
      },
    );
  }

  #ended(command: Command): void {
    this.#runningCommands--;
    this.#runningBytes -= command.dataLength;
    command.queue.commandEnded();
  }

  #fail(command: Command, error: unknown): void {
    this.#init.completer.complete(command, statusOfFailure(error, command, this.#init.logger));
  }
}

/** Admin commands use PRPs only (NVM Express 1.4, figure 105). */
function hasValidDataPointer(command: Command, isAdmin: boolean): boolean {
  const kind = command.dataPointer;
  return isAdmin ? kind === DATA_POINTER.PRP : kind !== DATA_POINTER.RESERVED;
}
