import type { Dma } from '@vfio-user/core';
import { type Command, DATA_POINTER } from '../commands/command.js';
import { STATUS, type Status } from '../status.js';
import { PrpWalker } from './prp-walker.js';
import type { SegmentList } from './segment-list.js';
import { SglWalker } from './sgl-walker.js';
import { type DataPointerWalker, MAX_LIST_BYTES } from './walker.js';

/** Some guest memory takes messages to reach. Nothing has been changed. */
export const NOT_MAPPED = -1;

/** Finds the guest memory of a command. */
export class DataPointerResolver {
  readonly #dma: Dma;
  readonly #prp = new PrpWalker();
  readonly #sgl = new SglWalker();
  readonly #list = new Uint8Array(MAX_LIST_BYTES);
  readonly #listView = new DataView(this.#list.buffer);

  constructor(dma: Dma) {
    this.#dma = dma;
  }

  /** CC.MPS, bytes. */
  set pageBytes(value: number) {
    this.#prp.pageBytes = value;
  }

  /** At once, or {@link NOT_MAPPED}. @throws {DmaFaultError} */
  resolveNow(command: Command, segments: SegmentList): Status | typeof NOT_MAPPED {
    segments.clear();
    const walker = command.dataPointer === DATA_POINTER.PRP ? this.#prp : this.#sgl;
    let status = walker.begin(command, segments);
    while (status === STATUS.SUCCESS && walker.listBytes > 0) {
      const list = this.#list.subarray(0, walker.listBytes);
      if (!this.#dma.tryRead(walker.listAddress, list)) return NOT_MAPPED;
      status = walker.feed(this.#listView);
    }
    return status;
  }

  /** The same with messages. @throws {DmaFaultError} */
  async resolve(command: Command, segments: SegmentList): Promise<Status> {
    segments.clear();
    const walker = this.#freshWalker(command);
    let status = walker.begin(command, segments);
    while (status === STATUS.SUCCESS && walker.listBytes > 0) {
      const list = new Uint8Array(walker.listBytes);
      await this.#dma.read(walker.listAddress, list);
      status = walker.feed(new DataView(list.buffer));
    }
    return status;
  }

  /** Several commands resolve at the same time there. */
  #freshWalker(command: Command): DataPointerWalker {
    if (command.dataPointer !== DATA_POINTER.PRP) return new SglWalker();
    const walker = new PrpWalker();
    walker.pageBytes = this.#prp.pageBytes;
    return walker;
  }
}
