import type { DmaRange } from '@vfio-user/core';
import { outcomeOf } from './job.js';

/** Bytes of a number. */
export const NUMBER_BYTES = 4;
/** Writes in flight at most; each has its own buffer. */
const WINDOW = 64;

/** Writes numbers to one place, one after the other, without waiting for each. */
export class SequenceWriter {
  readonly #place: DmaRange;
  readonly #bytes = new Uint8Array(WINDOW * NUMBER_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #outcomes: (Promise<unknown> | undefined)[] = new Array(WINDOW).fill(undefined);
  #slot = 0;

  constructor(place: DmaRange) {
    this.#place = place;
  }

  /** The window is full: {@link settle} before the next {@link write}. */
  get full(): boolean {
    return this.#outcomes[this.#slot] !== undefined;
  }

  /** Wait for the oldest write. @throws what it failed with. */
  async settle(): Promise<void> {
    const slot = this.#slot;
    const cause = await this.#outcomes[slot];
    this.#outcomes[slot] = undefined;
    if (cause !== undefined) throw cause;
  }

  /** @param awaited as every write before it: whoever waits for its end knows of theirs. */
  write(number: number, awaited: boolean): void {
    const start = this.#slot * NUMBER_BYTES;
    const bytes = this.#bytes.subarray(start, start + NUMBER_BYTES);
    this.#view.setUint32(start, number, true);
    const writing = this.#place.write(bytes, 0, awaited ? 'strict' : 'posted');
    if (writing !== undefined) this.#outcomes[this.#slot] = outcomeOf(writing);
    this.#slot = (this.#slot + 1) % WINDOW;
  }

  /** Wait for all writes. @throws what the oldest failing one failed with. */
  async drain(): Promise<void> {
    for (let settled = 0; settled < WINDOW; settled++) {
      await this.settle();
      this.#slot = (this.#slot + 1) % WINDOW;
    }
  }
}
