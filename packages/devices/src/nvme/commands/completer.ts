import type { ErrorLog } from '../admin/error-log.js';
import type { InterruptLines } from '../interrupt-lines.js';
import type { Completion, CompletionQueue } from '../queues/completion-queue.js';
import { COMPLETION_BYTES } from '../queues/completion-queue.js';
import type { SubmissionQueue } from '../queues/submission-queue.js';
import { STATUS, type Status } from '../status.js';
import type { Command } from './command.js';
import type { PostedWrites } from './posted-writes.js';

/** Posts completion queue entries, and one interrupt per queue for all that a turn has posted. */
export class Completer {
  /** Identifies the stretch of code in which a view of guest memory stays valid. */
  epoch = 0;
  readonly #interrupts: InterruptLines;
  readonly #errorLog: ErrorLog;
  readonly #posted: PostedWrites;
  readonly #onFatal: (reason: string, error: unknown) => void;
  readonly #onCompleted: () => void;
  readonly #entry: { -readonly [Key in keyof Completion]: Completion[Key] } = {
    queueId: 0,
    queueHead: 0,
    commandId: 0,
    status: 0,
    result: 0,
  };
  #isFlushScheduled = false;

  constructor(init: {
    interrupts: InterruptLines;
    errorLog: ErrorLog;
    posted: PostedWrites;
    /** The host cannot be told of completions any more. */
    onFatal(reason: string, error: unknown): void;
    /** A command ended outside of a turn: there may be room for the next. */
    onCompleted(): void;
  }) {
    this.#interrupts = init.interrupts;
    this.#errorLog = init.errorLog;
    this.#posted = init.posted;
    this.#onFatal = init.onFatal;
    this.#onCompleted = init.onCompleted;
  }

  /** Within a turn, which ends with {@link flushInterrupts}. */
  complete(command: Command, status: Status): void {
    this.completeById(command.queue, command.id, status, command.result);
  }

  completeOutsideTurn(command: Command, status: Status): void {
    this.epoch++;
    this.complete(command, status);
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    queueMicrotask(() => {
      this.#isFlushScheduled = false;
      this.flushInterrupts();
      this.#onCompleted();
    });
  }

  /** `queue`'s completion queue has a reserved entry for it. */
  completeById(queue: SubmissionQueue, commandId: number, status: Status, result: number): void {
    if (queue.state === 'reset') return;
    if (status !== STATUS.SUCCESS) this.#errorLog.record(queue.id, commandId, status);
    const entry = this.#entry;
    entry.queueId = queue.id;
    entry.queueHead = queue.head;
    entry.commandId = commandId;
    entry.status = status;
    entry.result = result;
    queue.completionQueue.reserved--;
    this.#post(queue.completionQueue, queue);
  }

  /** The command keeps no completion queue entry reserved. */
  leaveOpen(command: Command): void {
    command.queue.completionQueue.reserved--;
  }

  /** True when there was something to tell. */
  flushInterrupts(): boolean {
    return this.#interrupts.flush();
  }

  #post(target: CompletionQueue, queue: SubmissionQueue): void {
    try {
      const entries = target.ring.view(this.epoch);
      if (entries !== undefined) target.post(this.#entry, entries);
      else {
        const bytes = new Uint8Array(COMPLETION_BYTES);
        const address = target.encode(this.#entry, new DataView(bytes.buffer));
        this.#posted.send(address, bytes, () => queue.state === 'reset');
      }
      this.#interrupts.posted(target);
    } catch (error) {
      this.#onFatal(`completion queue ${target.id} is not in guest memory`, error);
    }
  }
}
