import type { DeviceHost } from '@vfio-user/core';
import { type DataPointerResolver, NOT_MAPPED } from '../data-pointer/resolver.js';
import { SegmentList } from '../data-pointer/segment-list.js';
import { STATUS, type Status } from '../status.js';
import { type Command, DIRECTION } from './command.js';
import type { Completer } from './completer.js';
import { statusOfFailure } from './failure.js';
import { type CommandHandler, NO_COMPLETION, type Outcome } from './handler.js';
import type { PostedWrites } from './posted-writes.js';

/** What may be under way on copies at a time; it bounds the memory a guest makes us allocate. */
const MAX_RUNNING_COMMANDS = 256;
const MAX_RUNNING_BYTES = 16 * 1024 * 1024;
/** What the admin queue may have on top: it must work while the storage does not answer. */
const ADMIN_COMMANDS = 64;
const ADMIN_BYTES = 1024 * 1024;

const NO_DATA: readonly Uint8Array[] = [];

/**
 * Runs commands: at once on views of guest memory if all of it is at hand and nothing has to wait,
 * otherwise on a copy, since a view must not outlive the turn.
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

  /** No further command of an I/O queue, or of the admin queue, may be started now. */
  isFull(isAdmin: boolean): boolean {
    const bytes = this.#runningBytes + this.#posted.bytes;
    if (isAdmin) {
      return (
        this.#runningCommands >= MAX_RUNNING_COMMANDS + ADMIN_COMMANDS ||
        bytes >= MAX_RUNNING_BYTES + ADMIN_BYTES
      );
    }
    return this.#runningCommands >= MAX_RUNNING_COMMANDS || bytes >= MAX_RUNNING_BYTES;
  }

  /** `command` may be used again when this returns. */
  execute(command: Command, handler: CommandHandler): void {
    const outcome = this.#attempt(command, handler);
    if (typeof outcome === 'object') this.#finishLater(command.clone(), outcome);
    else if (outcome === NO_COMPLETION) this.#completer.leaveOpen(command);
    else if (typeof outcome === 'number' && outcome !== NOT_MAPPED) {
      this.#completer.complete(command, outcome);
    } else {
      const copy = command.clone();
      const perform =
        typeof outcome === 'function'
          ? outcome
          : (data: Uint8Array) => handler.perform(copy, [data]);
      this.#finishLater(copy, this.#runOnCopy(copy, perform));
    }
  }

  #attempt(command: Command, handler: CommandHandler): Outcome {
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

  async #runOnCopy(command: Command, perform: (data: Uint8Array) => Outcome): Promise<Status> {
    const segments = new SegmentList();
    const resolved = await this.#resolver.resolve(command, segments);
    if (resolved !== STATUS.SUCCESS) return resolved;
    const copy = new Uint8Array(command.dataLength);
    if (command.direction === DIRECTION.FROM_HOST) await this.#fetch(segments, copy);
    else this.#checkWritable(segments);
    // Nothing of an earlier life of the controller may reach the storage.
    if (command.queue.state === 'reset') return STATUS.ABORT_REQUESTED;
    const outcome = perform(copy);
    const status = await (typeof outcome === 'function' ? outcome(copy) : outcome);
    if (status === STATUS.SUCCESS && command.direction === DIRECTION.TO_HOST) {
      this.#send(command, segments, copy);
    }
    return status;
  }

  async #fetch(segments: SegmentList, target: Uint8Array): Promise<void> {
    const { dma } = this.#host;
    const transfers: Promise<void>[] = [];
    let done = 0;
    for (let index = 0; index < segments.count; index++) {
      const length = segments.length(index);
      const piece = target.subarray(done, done + length);
      const address = segments.address(index);
      if (!dma.tryRead(address, piece)) transfers.push(dma.read(address, piece));
      done += length;
    }
    if (transfers.length === 0) return;
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

  /** @throws {DmaFaultError} when the memory was unmapped while the command ran. */
  #send(command: Command, segments: SegmentList, source: Uint8Array): void {
    if (command.queue.state === 'reset') return;
    let done = 0;
    for (let index = 0; index < segments.count; index++) {
      const length = segments.length(index);
      const piece = source.subarray(done, done + length);
      const address = segments.address(index);
      // At once where that is possible: the command fails if the host has no page for it.
      if (!this.#host.dma.tryWrite(address, piece)) {
        this.#posted.send(address, piece, () => command.queue.state === 'reset');
      }
      done += length;
    }
  }
}
