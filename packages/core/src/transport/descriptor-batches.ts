import { ProtocolViolationError } from '../errors.js';
import { closeAll, type Descriptor } from './resources.js';
import type { Framing } from './transport.js';

/** Descriptors of one receive call, which returned the stream bytes `[from, to)`. */
interface Batch {
  readonly from: number;
  readonly to: number;
  readonly descriptors: readonly Descriptor[];
  /** Start of the first frame not examined yet, as a position in the stream. */
  cursor: number;
  /** Start of the frame that gets the descriptors, as far as known. */
  owner: number;
  /** Whether that frame starts in the range and is of a kind that may carry descriptors. */
  ownerCarries: boolean;
  decided: boolean;
}

/**
 * Finds the frame that passed descriptors belong to.
 *
 * A stream socket does not say which byte they were attached to, only that they came with the bytes
 * `[from, to)` of one receive call. But the kernel ends a receive call behind the piece that carried
 * descriptors, and peers send a message with one call. So the message that carried them is the last
 * one that starts in the range; earlier ones in it were sent before. Should a peer put several
 * messages into one call, the descriptors are for the last one of a kind that can use them. Without
 * such a message they go to the last one that starts in the range, and when none starts there, to
 * the one the range lies in: its handler owns them then and closes them.
 *
 * When the range ends inside a header, that message's kind is not known yet, and an earlier message
 * that might be the owner has to wait for the rest of the header.
 */
export class DescriptorBatches {
  readonly #framing: Framing;
  readonly #maxDescriptors: number;
  #batches: Batch[] = [];
  #count = 0;
  #finished = false;

  constructor(framing: Framing, maxDescriptors: number) {
    this.#framing = framing;
    this.#maxDescriptors = maxDescriptors;
  }

  get empty(): boolean {
    return this.#batches.length === 0;
  }

  /** Descriptors that came with the bytes `[from, to)` of the stream. */
  add(from: number, to: number, descriptors: readonly Descriptor[]): void {
    this.#batches.push({
      from,
      to,
      descriptors,
      cursor: 0,
      owner: 0,
      ownerCarries: false,
      decided: false,
    });
    this.#count += descriptors.length;
    if (this.#count > this.#maxDescriptors) {
      throw new ProtocolViolationError(
        `the peer passed ${this.#count} descriptors for one message, the limit is ${this.#maxDescriptors}`,
      );
    }
  }

  /**
   * Examine the frames in the buffer, whose byte 0 is at `base` in the stream and whose unconsumed
   * bytes are `[start, end)`.
   * @returns 0 when it is known whether the frame at `start` gets descriptors, otherwise the
   * position in the buffer up to which bytes are needed.
   */
  decide(view: DataView, base: number, start: number, end: number): number {
    const head = base + start;
    for (const batch of this.#batches) {
      // Frames that were delivered already are out of the question.
      batch.cursor = Math.max(batch.cursor, head);
      if (!batch.decided) this.#advance(batch, view, base, base + end);
      if (batch.owner !== head) return 0;
      if (!batch.decided && batch.ownerCarries) {
        return batch.cursor - base + this.#framing.headerBytes;
      }
    }
    return 0;
  }

  /** The descriptors of the frame that starts at `head`. Call {@link decide} first. */
  take(head: number): readonly Descriptor[] {
    let taken: readonly Descriptor[] = [];
    // The owners of later batches are never before those of earlier ones.
    while (this.#batches[0]?.decided && this.#batches[0].owner === head) {
      const { descriptors } = this.#batches[0];
      taken = taken.length === 0 ? descriptors : [...taken, ...descriptors];
      this.#count -= descriptors.length;
      this.#batches.shift();
    }
    return taken;
  }

  /** The stream has ended: decide with what is there. */
  finish(): void {
    this.#finished = true;
  }

  release(): void {
    for (const { descriptors } of this.#batches) closeAll(descriptors);
    this.#batches = [];
    this.#count = 0;
  }

  /** Examine further frames, up to the end of the batch's range or of the received bytes. */
  #advance(batch: Batch, view: DataView, base: number, end: number): void {
    while (batch.cursor < batch.to) {
      if (end - batch.cursor < this.#framing.headerBytes) {
        batch.decided = this.#finished;
        return;
      }
      const offset = batch.cursor - base;
      const startsInside = batch.cursor >= batch.from;
      const carries = startsInside && this.#framing.mayCarryDescriptors(view, offset);
      if (carries || !batch.ownerCarries) {
        batch.owner = batch.cursor;
        batch.ownerCarries = carries;
      }
      const length = this.#lengthAt(view, offset);
      if (length === 0) break;
      batch.cursor += length;
    }
    batch.decided = true;
  }

  /**
   * Length of the frame at `offset`, or 0 if it is invalid, which is reported when it is delivered.
   */
  #lengthAt(view: DataView, offset: number): number {
    try {
      return Math.max(0, this.#framing.frameLength(view, offset));
    } catch {
      return 0;
    }
  }
}
