import { advanceIova, type Dma, type Iova } from '@vfio-user/core';

/**
 * The memory of a queue. A view of it is looked up at most once per {@link MemoryEpoch}, since a
 * view must not outlive the turn in which it was taken.
 */
export class Ring {
  readonly base: Iova;
  readonly entryCount: number;
  readonly entryBytes: number;
  readonly #dma: Dma;
  readonly #access: 'read' | 'write';
  #epoch = -1;
  #view: DataView | undefined;

  constructor(
    dma: Dma,
    base: Iova,
    entryCount: number,
    entryBytes: number,
    access: 'read' | 'write',
  ) {
    this.#dma = dma;
    this.base = base;
    this.entryCount = entryCount;
    this.entryBytes = entryBytes;
    this.#access = access;
  }

  /** The whole ring, or `undefined` when it takes messages to reach. @throws {DmaFaultError} */
  view(epoch: number): DataView | undefined {
    if (epoch === this.#epoch) return this.#view;
    const bytes = this.#dma.map(this.base, this.entryCount * this.entryBytes, this.#access);
    this.#view = bytes && new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#epoch = epoch;
    return this.#view;
  }

  /** @throws {DmaFaultError} when the ring is not in guest memory. */
  check(): void {
    this.#dma.map(this.base, this.entryCount * this.entryBytes, this.#access);
  }

  addressOf(index: number): Iova {
    return advanceIova(this.base, index * this.entryBytes);
  }
}
