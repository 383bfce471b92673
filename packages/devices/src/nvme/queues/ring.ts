import type { Dma, DmaRange, Iova } from '@vfio-user/core';

/** Parameters of a {@link Ring}. */
export interface RingInit {
  readonly base: Iova;
  readonly entryCount: number;
  readonly entryBytes: number;
  readonly access: 'read' | 'write';
}

/** The memory of a queue. A view of it is taken once a turn, since it must not outlive the turn. */
export class Ring {
  readonly base: Iova;
  readonly entryCount: number;
  readonly range: DmaRange;
  #turn = -1;
  #view: DataView | undefined;

  /** @throws {DmaFaultError} when the ring is not in guest memory. */
  constructor(dma: Dma, { base, entryCount, entryBytes, access }: RingInit) {
    this.base = base;
    this.entryCount = entryCount;
    this.range = dma.range(base, entryCount * entryBytes, access);
  }

  /**
   * The whole ring in the turn of this number, or `undefined` when it takes messages to reach.
   * @throws {DmaFaultError}
   */
  view(turn: number): DataView | undefined {
    if (turn === this.#turn) return this.#view;
    const { view } = this.range;
    this.#view = view && new DataView(view.buffer, view.byteOffset, view.length);
    this.#turn = turn;
    return this.#view;
  }
}
