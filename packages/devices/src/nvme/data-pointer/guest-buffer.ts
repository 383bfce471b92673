import type { Dma, DmaRange, Iova } from '@vfio-user/core';

/** The guest memory that a data pointer names, in order. Reusable. */
export class GuestBuffer {
  readonly #addresses: Iova[] = [];
  readonly #lengths: number[] = [];
  readonly #ranges: DmaRange[] = [];
  readonly #views: Uint8Array[] = [];
  /** Of the pieces there are: emptying arrays and filling them again is slow. */
  #count = 0;
  #end: Iova = -1;

  clear(): void {
    this.#count = 0;
    this.#end = -1;
  }

  /** Adjacent pieces are merged, which saves copies and messages. */
  add(address: Iova, length: number): void {
    if (length === 0) return;
    // -1 is no address: there is a last piece.
    if (address === this.#end) {
      this.#lengths[this.#count - 1] = (this.#lengths[this.#count - 1] as number) + length;
    } else {
      this.#addresses[this.#count] = address;
      this.#lengths[this.#count] = length;
      this.#count++;
    }
    // Above 2^53 neighbours are not recognised, which only costs a message.
    this.#end = typeof address === 'number' ? address + length : -1;
  }

  /** Resolve all pieces before any is read or written. @throws {DmaFaultError} */
  lookUp(dma: Dma, access: 'read' | 'write'): void {
    for (let index = 0; index < this.#count; index++) {
      const address = this.#addresses[index] as Iova; // below the count, as in what follows
      this.#ranges[index] = dma.range(address, this.#lengths[index] as number, access);
    }
    if (this.#ranges.length !== this.#count) this.#ranges.length = this.#count;
  }

  /** Views of all of it, for this turn; `undefined` when a part has none. @throws {DmaFaultError} */
  views(dma: Dma, access: 'read' | 'write'): readonly Uint8Array[] | undefined {
    for (let index = 0; index < this.#count; index++) {
      const address = this.#addresses[index] as Iova;
      const view = dma.view(address, this.#lengths[index] as number, access);
      if (view === undefined) return undefined;
      this.#views[index] = view;
    }
    if (this.#views.length !== this.#count) this.#views.length = this.#count;
    return this.#views;
  }

  /** Read all pieces into `target`. Rejects only once no transfer is in flight. @throws {DmaFaultError} */
  read(target: Uint8Array): Promise<void> | undefined {
    if (this.#ranges.length === 1) return this.#ranges[0]?.read(target);
    const transfers: Promise<void>[] = [];
    let done = 0;
    for (const range of this.#ranges) {
      const reading = range.read(target.subarray(done, done + range.length));
      if (reading !== undefined) transfers.push(reading);
      done += range.length;
    }
    return transfers.length === 0 ? undefined : allEnded(transfers);
  }

  /**
   * Copy `source` in. `posted` gets what is under way, which nobody waits for, and needs `source`.
   * @throws {DmaFaultError} when a part was unmapped meanwhile, or the host has no page for it.
   */
  write(source: Uint8Array, posted: (writing: Promise<void>, bytes: number) => void): void {
    let done = 0;
    for (const range of this.#ranges) {
      const piece = pieceOf(source, done, range.length);
      const writing = range.write(piece, 0, 'posted');
      if (writing !== undefined) posted(writing, range.length);
      done += range.length;
    }
  }
}

/** Most buffers are one piece. */
function pieceOf(source: Uint8Array, start: number, length: number): Uint8Array {
  return length === source.length ? source : source.subarray(start, start + length);
}

async function allEnded(transfers: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(transfers)) {
    if (outcome.status === 'rejected') throw outcome.reason;
  }
}
