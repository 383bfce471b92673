import type { Dma, Iova } from '@vfio-user/core';

/**
 * Writes to guest memory that nobody waits for, like posted writes on PCI Express: what follows
 * (another write, an interrupt) is kept behind them, so waiting would only cost a round trip. No
 * register tells of them, so none is kept behind them.
 */
export class PostedWrites {
  readonly #dma: Dma;
  readonly #onFailure: (error: unknown) => void;
  readonly #onDrained: () => void;
  #bytes = 0;

  constructor(dma: Dma, onFailure: (error: unknown) => void, onDrained: () => void) {
    this.#dma = dma;
    this.#onFailure = onFailure;
    this.#onDrained = onDrained;
  }

  /** Under way. */
  get bytes(): number {
    return this.#bytes;
  }

  /** `source` is given away. `isStale` tells whether a failure still interests anybody. */
  send(iova: Iova, source: Uint8Array, isStale: () => boolean): void {
    this.#bytes += source.length;
    this.#dma
      .write(iova, source, 'relaxed')
      .catch((error) => {
        if (!isStale()) this.#onFailure(error);
      })
      .finally(() => {
        this.#bytes -= source.length;
        this.#onDrained();
      });
  }
}
