import type { ErrorLog } from '../admin/error-log.js';
import type { InterruptLines } from '../interrupt-lines.js';
import type { Completion, CompletionQueue } from '../queues/completion-queue.js';
import { COMPLETION_BYTES } from '../queues/completion-queue.js';
import { PlacedCompletions } from '../queues/placed-completions.js';
import type { SubmissionQueue } from '../queues/submission-queue.js';
import { STATUS, type Status } from '../status.js';
import type { Command } from './command.js';
import type { PostedWrites } from './posted-writes.js';

/**
 * Posts completion queue entries, and one interrupt per queue for all that a turn has posted. Entries
 * that take messages are sent together, as far as they follow each other.
 */
export class Completer {
  /** Counts turns: the stretches of code in which a view of guest memory stays valid. */
  #turn = 0;
  #inTurn = false;
  #inBurst = false;
  readonly #placed = new PlacedCompletions();
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
  /** The submission queue whose completions are gathered last. */
  #gathering: SubmissionQueue | undefined;

  constructor(init: {
    interrupts: InterruptLines;
    errorLog: ErrorLog;
    posted: PostedWrites;
    /** Completions can no longer be posted. */
    onFatal(reason: string, error: unknown): void;
    /** A command completed outside of a turn: another may be started. */
    onCompleted(): void;
  }) {
    this.#interrupts = init.interrupts;
    this.#errorLog = init.errorLog;
    this.#posted = init.posted;
    this.#onFatal = init.onFatal;
    this.#onCompleted = init.onCompleted;
  }

  /** Begin a turn, in which several commands may complete. @returns its number, for views of rings. */
  beginTurn(): number {
    this.#inTurn = true;
    return ++this.#turn;
  }

  endTurn(): void {
    this.endBurst();
    this.#inTurn = false;
    this.#turn++;
  }

  /** What completes from now on is shown to the host by {@link endBurst}. Within a turn. */
  beginBurst(): void {
    this.#inBurst = true;
  }

  endBurst(): void {
    this.#inBurst = false;
    this.#placed.show();
  }

  complete(command: Command, status: Status): void {
    if (!this.#inTurn) this.#turn++;
    this.completeById(command.queue, command.id, status, command.result);
    if (this.#inTurn || this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    queueMicrotask(() => {
      this.#isFlushScheduled = false;
      this.flushInterrupts();
      this.#onCompleted();
    });
  }

  /** A reserved entry of `queue`'s completion queue is used. */
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

  /** Leave a command outstanding, without a reserved completion queue entry. */
  leaveOpen(command: Command): void {
    command.queue.completionQueue.reserved--;
  }

  /** Signal the completions posted; true when there were any. */
  flushInterrupts(): boolean {
    this.#send();
    return this.#interrupts.flush();
  }

  /** The controller was reset: nothing completes any more. */
  reset(): void {
    this.#gathering = undefined;
  }

  #post(target: CompletionQueue, queue: SubmissionQueue): void {
    try {
      const entries = target.ring.view(this.#turn);
      if (entries === undefined) this.#gather(target, queue);
      else {
        target.place(this.#entry, entries, this.#placed);
        if (!this.#inBurst) this.#placed.show();
      }
      this.#interrupts.posted(target);
    } catch (error) {
      this.#lost(target, error);
    }
  }

  /** Entries of one queue after the other: none overtakes one that was posted before it. */
  #gather(target: CompletionQueue, queue: SubmissionQueue): void {
    if (this.#gathering !== undefined && this.#gathering.completionQueue !== target) this.#send();
    this.#gathering = queue;
    if (target.gather(this.#entry)) this.#send();
  }

  #send(): void {
    const queue = this.#gathering;
    if (queue === undefined) return;
    this.#gathering = undefined;
    try {
      const writing = queue.completionQueue.send();
      if (writing !== undefined) this.#posted.add(writing, COMPLETION_BYTES, queue);
    } catch (error) {
      this.#lost(queue.completionQueue, error);
    }
  }

  #lost({ id }: CompletionQueue, error: unknown): void {
    this.#onFatal(`completion queue ${id} is not in guest memory`, error);
  }
}
