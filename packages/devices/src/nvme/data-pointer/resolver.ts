import type { Dma } from '@vfio-user/core';
import { type Command, DATA_POINTER } from '../commands/command.js';
import { MIN_PAGE_BYTES } from '../registers.js';
import { STATUS, type Status } from '../status.js';
import type { GuestBuffer } from './guest-buffer.js';
import { PrpWalker } from './prp-walker.js';
import { SglWalker } from './sgl-walker.js';
import type { DataPointerWalker } from './walker.js';

/** Resolves the data pointer of a command. */
export class DataPointerResolver {
  /** CC.MPS, bytes. */
  pageBytes = MIN_PAGE_BYTES;
  readonly #dma: Dma;
  #prp = new PrpWalker();
  #sgl = new SglWalker();

  constructor(dma: Dma) {
    this.#dma = dma;
  }

  /** Fill `buffer`; at once unless a list takes messages to read. @throws {DmaFaultError} */
  resolve(command: Command, buffer: GuestBuffer): Status | Promise<Status> {
    buffer.clear();
    if (command.dataPointer !== DATA_POINTER.PRP) {
      return this.#walk(this.#sgl, this.#sgl.begin(command, buffer));
    }
    this.#prp.pageBytes = this.pageBytes;
    return this.#walk(this.#prp, this.#prp.begin(command, buffer));
  }

  #walk(walker: DataPointerWalker, begun: Status): Status | Promise<Status> {
    let status = begun;
    while (status === STATUS.SUCCESS && walker.listBytes > 0) {
      const range = this.#dma.range(walker.listAddress, walker.listBytes, 'read');
      const { view } = range;
      const list = view ?? new Uint8Array(walker.listBytes);
      const reading = view === undefined ? range.read(list) : undefined;
      if (reading !== undefined) {
        this.#giveAway(walker);
        return reading.then(() => this.#walk(walker, feed(walker, list)));
      }
      status = feed(walker, list);
    }
    return status;
  }

  /** A waiting command keeps this walker: the next command gets a new one. */
  #giveAway(walker: DataPointerWalker): void {
    if (walker === this.#prp) this.#prp = new PrpWalker();
    if (walker === this.#sgl) this.#sgl = new SglWalker();
  }
}

function feed(walker: DataPointerWalker, list: Uint8Array): Status {
  return walker.feed(new DataView(list.buffer, list.byteOffset, list.length));
}
