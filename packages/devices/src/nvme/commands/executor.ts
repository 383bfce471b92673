import type { DeviceHost } from '@vfio-user/core';
import { type DataPointerResolver, NOT_MAPPED } from '../data-pointer/resolver.js';
import { SegmentList } from '../data-pointer/segment-list.js';
import { STATUS, type Status } from '../status.js';
import { type Command, DIRECTION } from './command.js';
import type { Completer } from './completer.js';
import { statusOfFailure } from './failure.js';
import { type CommandHandler, NO_COMPLETION } from './handler.js';
import type { PostedWrites } from './posted-writes.js';

/** What may be under way by message at a time; it bounds the memory a guest makes us allocate. */
const MAX_RUNNING_COMMANDS = 256;
const MAX_RUNNING_BYTES = 16 * 1024 * 1024;

const NO_DATA: readonly Uint8Array[] = [];

/**
 * Runs commands: at once on views of guest memory if all of it is at hand, otherwise on a copy that
 * is fetched or sent by message. Handlers do not see the difference.
 */
export class Executor {
  readonly #host: DeviceHost;
  readonly #resolver: DataPointerResolver;
  readonly #completer: Completer;
  readonly #posted: PostedWrites;
  readonly #segments = new SegmentList();
  readonly #pieces: Uint8Array[] = [];
  #runningCommands = 0;
  #runningBytes = 0;

  constructor(
    host: DeviceHost,
    resolver: DataPointerResolver,
    completer: Completer,
    posted: PostedWrites,
  ) {
    this.#host = host;
    this.#resolver = resolver;
    this.#completer = completer;
    this.#posted = posted;
  }

  /** No further command may be started now. */
  get isFull(): boolean {
    return (
      this.#runningCommands >= MAX_RUNNING_COMMANDS ||
      this.#runningBytes + this.#posted.bytes >= MAX_RUNNING_BYTES
    );
  }

  /** `command` may be used again when this returns. */
  execute(command: Command, handler: CommandHandler): void {
    const outcome = this.#attempt(command, handler);
    if (typeof outcome !== 'number') this.#finishLater(command.clone(), outcome);
    else if (outcome === NO_COMPLETION) this.#completer.leaveOpen(command);
    else if (outcome !== NOT_MAPPED) this.#completer.complete(command, outcome);
    else {
      const copy = command.clone();
      this.#finishLater(copy, this.#transferByMessage(copy, handler));
    }
  }

  #attempt(command: Command, handler: CommandHandler): ReturnType<CommandHandler['perform']> {
    try {
      const status = handler.check(command);
      if (status !== STATUS.SUCCESS) return status;
      if (command.dataLength === 0) return handler.perform(command, NO_DATA);
      const resolved = this.#resolver.resolveNow(command, this.#segments);
      if (resolved !== STATUS.SUCCESS) return resolved;
      if (!this.#mapPieces(command)) return NOT_MAPPED;
      return handler.perform(command, this.#pieces);
    } catch (error) {
      return statusOfFailure(error, command, this.#host.logger);
    } finally {
      this.#pieces.length = 0;
    }
  }

  #mapPieces(command: Command): boolean {
    const access = command.direction === DIRECTION.TO_HOST ? 'write' : 'read';
    for (let index = 0; index < this.#segments.count; index++) {
      const { dma } = this.#host;
      const piece = dma.map(this.#segments.address(index), this.#segments.length(index), access);
      if (piece === undefined) return false;
      this.#pieces.push(piece);
    }
    return true;
  }

  #finishLater(command: Command, outcome: Promise<Status>): void {
    this.#runningCommands++;
    this.#runningBytes += command.dataLength;
    command.queue.commandStarted();
    outcome
      .catch((error) => statusOfFailure(error, command, this.#host.logger))
      .then((status) => {
        this.#runningCommands--;
        this.#runningBytes -= command.dataLength;
        this.#completer.completeOutsideTurn(command, status);
        command.queue.commandEnded();
      });
  }

  async #transferByMessage(command: Command, handler: CommandHandler): Promise<Status> {
    const segments = new SegmentList();
    const resolved = await this.#resolver.resolve(command, segments);
    if (resolved !== STATUS.SUCCESS) return resolved;
    const copy = new Uint8Array(command.dataLength);
    if (command.direction === DIRECTION.FROM_HOST) await this.#fetch(segments, copy);
    else this.#checkWritable(segments);
    // Nothing of an earlier life of the controller may reach the storage.
    if (command.queue.state === 'reset') return STATUS.ABORT_REQUESTED;
    const outcome = handler.perform(command, [copy]);
    const status = typeof outcome === 'number' ? outcome : await outcome;
    if (status === STATUS.SUCCESS && command.direction === DIRECTION.TO_HOST) {
      this.#send(command, segments, copy);
    }
    return status;
  }

  async #fetch(segments: SegmentList, target: Uint8Array): Promise<void> {
    const transfers: Promise<void>[] = [];
    let done = 0;
    for (let index = 0; index < segments.count; index++) {
      const length = segments.length(index);
      const piece = target.subarray(done, done + length);
      transfers.push(this.#host.dma.read(segments.address(index), piece));
      done += length;
    }
    for (const outcome of await Promise.allSettled(transfers)) {
      if (outcome.status === 'rejected') throw outcome.reason;
    }
  }

  /** A posted write reports no fault to the command: look for one before. */
  #checkWritable(segments: SegmentList): void {
    for (let index = 0; index < segments.count; index++) {
      this.#host.dma.map(segments.address(index), segments.length(index), 'write');
    }
  }

  #send(command: Command, segments: SegmentList, source: Uint8Array): void {
    if (command.queue.state === 'reset') return;
    let done = 0;
    for (let index = 0; index < segments.count; index++) {
      const length = segments.length(index);
      const piece = source.subarray(done, done + length);
      this.#posted.send(segments.address(index), piece, () => command.queue.state === 'reset');
      done += length;
    }
  }
}
