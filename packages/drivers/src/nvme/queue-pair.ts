import { GUEST_BASE, type Guest } from '../guest.js';
import { CompletionRing } from './completion-ring.js';
import type { Doorbells } from './doorbells.js';
import { PAGE_BYTES } from './entries.js';
import { type NvmeCommand, SubmissionRing } from './submission-ring.js';

/** Entries of each ring: a submission ring of one page. */
export const QUEUE_ENTRIES = 64;

/** A submission queue and its completion queue, one page of guest memory each. */
export class QueuePair {
  readonly id: number;
  readonly submissionAddress: number;
  readonly completionAddress: number;
  readonly #submission: SubmissionRing;
  readonly #completion: CompletionRing;
  readonly #doorbells: Doorbells;

  /** `page` counts pages of guest memory: the first of the two. */
  constructor(guest: Guest, doorbells: Doorbells, id: number, page: number) {
    const words = (index: number): Int32Array => {
      const { buffer, byteOffset } = guest.view(index * PAGE_BYTES, PAGE_BYTES);
      return new Int32Array(buffer, byteOffset, PAGE_BYTES / 4).fill(0);
    };
    this.id = id;
    this.submissionAddress = GUEST_BASE + page * PAGE_BYTES;
    this.completionAddress = GUEST_BASE + (page + 1) * PAGE_BYTES;
    this.#submission = new SubmissionRing(words(page), QUEUE_ENTRIES);
    this.#completion = new CompletionRing(words(page + 1), QUEUE_ENTRIES);
    this.#doorbells = doorbells;
  }

  /** Fewer than {@link QUEUE_ENTRIES} may be under way. Nothing is told before {@link ring}. */
  place(command: NvmeCommand): void {
    this.#submission.place(command);
  }

  /** Tell the controller of the commands placed. */
  ring(): void {
    this.#doorbells.ringTail(this.id, this.#submission.tail);
  }

  /** The identifier of a command that ended, -1 if none has. */
  take(): number {
    return this.#completion.take();
  }

  /** Give the entries taken back. */
  acknowledge(): void {
    this.#doorbells.ringHead(this.id, this.#completion.head);
  }
}
