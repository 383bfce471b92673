import type { PushRings } from '@vfio-user/core';
import { DOORBELL_BYTES, DOORBELLS_OFFSET } from '../registers.js';
import type { CompletionQueue } from './completion-queue.js';
import { COMMAND_BYTES, type SubmissionQueue } from './submission-queue.js';

/** The queues of an enabled controller by identifier, the admin pair first. */
export class QueueSet {
  /** All of them, in no particular order. */
  readonly submission: SubmissionQueue[] = [];
  readonly completion: CompletionQueue[] = [];
  readonly #submissionById: (SubmissionQueue | undefined)[];
  readonly #completionById: (CompletionQueue | undefined)[];

  readonly #pushes: PushRings;
  /** Ends the pushing of commands, by submission queue. */
  readonly #unpush = new Map<SubmissionQueue, () => void>();

  /** `ioQueues`: how many pairs there may be besides the admin pair. */
  constructor(ioQueues: number, pushes: PushRings) {
    this.#pushes = pushes;
    this.#submissionById = new Array(ioQueues + 1).fill(undefined);
    this.#completionById = new Array(ioQueues + 1).fill(undefined);
  }

  /** Whether an identifier is in the range of I/O queues. */
  isIoQueueId(id: number): boolean {
    return id > 0 && id < this.#submissionById.length;
  }

  submissionQueue(id: number): SubmissionQueue | undefined {
    return this.#submissionById[id];
  }

  completionQueue(id: number): CompletionQueue | undefined {
    return this.#completionById[id];
  }

  addSubmission(queue: SubmissionQueue): void {
    queue.completionQueue.users++;
    this.#submissionById[queue.id] = queue;
    this.submission.push(queue);
    this.#unpush.set(queue, this.#pushes.add(pushedRing(queue)));
  }

  addCompletion(queue: CompletionQueue): void {
    this.#completionById[queue.id] = queue;
    this.completion.push(queue);
  }

  removeSubmission(queue: SubmissionQueue): void {
    queue.completionQueue.users--;
    this.#unpush.get(queue)?.();
    this.#unpush.delete(queue);
    this.#submissionById[queue.id] = undefined;
    this.submission.splice(this.submission.indexOf(queue), 1);
  }

  removeCompletion(queue: CompletionQueue): void {
    this.#completionById[queue.id] = undefined;
    this.completion.splice(this.completion.indexOf(queue), 1);
  }

  /** The controller is reset: none of them exists any more. */
  clear(): void {
    for (const queue of this.submission) queue.state = 'reset';
    for (const unpush of this.#unpush.values()) unpush();
    this.#unpush.clear();
    this.submission.length = 0;
    this.completion.length = 0;
    this.#submissionById.fill(undefined);
    this.#completionById.fill(undefined);
  }
}

/** Over a network, entries are pushed with their doorbell: fetching them would cost a round trip. */
function pushedRing({ id, ring }: SubmissionQueue) {
  return {
    region: 0,
    offset: DOORBELLS_OFFSET + 2 * id * DOORBELL_BYTES,
    size: DOORBELL_BYTES,
    address: ring.base,
    entryBytes: COMMAND_BYTES,
    entries: ring.entryCount,
  } as const;
}
