import type { Iova } from '@vfio-user/core';

/** The pieces of guest memory that a data pointer names, in order. Meant to be used again. */
export class SegmentList {
  readonly #addresses: Iova[] = [];
  readonly #lengths: number[] = [];
  #count = 0;
  #end: Iova = -1;

  get count(): number {
    return this.#count;
  }

  clear(): void {
    this.#count = 0;
    this.#end = -1;
  }

  /** Pieces that follow each other become one: fewer copies, fewer messages. */
  add(address: Iova, length: number): void {
    if (length === 0) return;
    if (address === this.#end) {
      this.#lengths[this.#count - 1] = this.length(this.#count - 1) + length;
    } else {
      this.#addresses[this.#count] = address;
      this.#lengths[this.#count] = length;
      this.#count++;
    }
    // Above 2^53 neighbours are not recognised, which only costs a message.
    this.#end = typeof address === 'number' ? address + length : -1;
  }

  /** `index` is below {@link count}. */
  address(index: number): Iova {
    return this.#addresses[index] as Iova;
  }

  length(index: number): number {
    return this.#lengths[index] as number;
  }
}
