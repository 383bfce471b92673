import {
  CompletionRing,
  type NvmeCommand,
  nvmeNumbers,
  type Registers,
  SubmissionRing,
} from '@vfio-user/devices/drivers';
import { GUEST_BASE, type Guest } from '../guest.js';

/** Entries of each ring: a submission ring of one page. */
export const QUEUE_ENTRIES = 64;

/** A submission queue and its completion queue, one page of guest memory each. */
export class QueuePair {
  readonly id: number;
  readonly submissionAddress: number;
  readonly completionAddress: number;
  readonly #submission: SubmissionRing;
  readonly #completion: CompletionRing;
  readonly #registers: Registers;

  /** `page` counts pages of guest memory: the first of the two. */
  constructor(guest: Guest, registers: Registers, id: number, page: number) {
    const words = (index: number): Int32Array => {
      const { buffer, byteOffset } = guest.view(
        index * nvmeNumbers.PAGE_BYTES,
        nvmeNumbers.PAGE_BYTES,
      );
      return new Int32Array(buffer, byteOffset, nvmeNumbers.PAGE_BYTES / 4).fill(0);
    };
    this.id = id;
    this.submissionAddress = GUEST_BASE + page * nvmeNumbers.PAGE_BYTES;
    this.completionAddress = GUEST_BASE + (page + 1) * nvmeNumbers.PAGE_BYTES;
    this.#submission = new SubmissionRing(words(page), QUEUE_ENTRIES);
    this.#completion = new CompletionRing(words(page + 1), QUEUE_ENTRIES);
    this.#registers = registers;
  }

  /** Fewer than {@link QUEUE_ENTRIES} may be under way. Nothing is told before {@link ring}. */
  place(command: NvmeCommand): void {
    this.#submission.place(command);
  }

  /** Tell the controller of the commands placed. */
  ring(): void {
    this.#registers.post(nvmeNumbers.DOORBELLS + this.id * 8, this.#submission.tail);
  }

  /** The identifier of a command that ended, -1 if none has. */
  take(): number {
    return this.#completion.take();
  }

  /** Give the entries taken back. */
  acknowledge(): void {
    this.#registers.post(nvmeNumbers.DOORBELLS + this.id * 8 + 4, this.#completion.head);
  }
}
