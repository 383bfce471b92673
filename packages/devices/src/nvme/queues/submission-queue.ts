import type { Dma, Iova } from '@vfio-user/core';
import type { CompletionQueue } from './completion-queue.js';
import { Ring } from './ring.js';

/** Bytes of a submission queue entry. */
export const COMMAND_BYTES = 64;

/** Parameters of a submission queue. */
export interface SubmissionQueueInit {
  readonly id: number;
  readonly base: Iova;
  readonly entryCount: number;
  readonly completionQueue: CompletionQueue;
}

/**
 * `deleted`: no further command is fetched, those under way complete. `reset`: the controller was reset, and nothing
 * completes any more.
 */
export type SubmissionQueueState = 'running' | 'deleted' | 'reset';

/** The controller's end of a submission queue. */
export class SubmissionQueue {
  readonly id: number;
  readonly ring: Ring;
  readonly completionQueue: CompletionQueue;
  /** Entries are being fetched by message. */
  isFetching = false;
  state: SubmissionQueueState = 'running';
  #head = 0;
  #tail = 0;
  #running = 0;
  #whenIdle: (() => void) | undefined;

  /** @throws {DmaFaultError} when it is not in guest memory. */
  constructor(dma: Dma, init: SubmissionQueueInit) {
    this.id = init.id;
    this.ring = new Ring(dma, { ...init, entryBytes: COMMAND_BYTES, access: 'read' });
    this.completionQueue = init.completionQueue;
  }

  /** Index of the next entry to fetch. */
  get head(): number {
    return this.#head;
  }

  /** Value of the tail doorbell. */
  get tail(): number {
    return this.#tail;
  }

  /** Entries to fetch. */
  get waiting(): number {
    const distance = this.#tail - this.#head;
    return distance < 0 ? distance + this.ring.entryCount : distance;
  }

  /** The tail doorbell was written. False when the value is invalid. */
  submit(tail: number): boolean {
    const { entryCount } = this.ring;
    if (tail >= entryCount) return false;
    const distance = tail - this.#tail;
    const count = distance < 0 ? distance + entryCount : distance;
    if (count > entryCount - 1 - this.waiting) return false;
    this.#tail = tail;
    return true;
  }

  /** `count` entries from the head have been copied. */
  fetched(count: number): void {
    this.#head = (this.#head + count) % this.ring.entryCount;
  }

  /** A command does not complete in the turn in which it was fetched. */
  commandStarted(): void {
    this.#running++;
  }

  commandEnded(): void {
    if (--this.#running === 0) this.#whenIdle?.();
  }

  /** Resolves when no command of this queue is in flight. */
  idle(): void | Promise<void> {
    if (this.#running === 0) return;
    return new Promise((resolve) => {
      this.#whenIdle = resolve;
    });
  }
}
