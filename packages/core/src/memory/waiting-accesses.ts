import { ECANCELED } from '../errno.js';
import { DmaFaultError } from '../errors.js';
import type { DmaMapping } from './mapping.js';
import type { WriteFence } from './write-fence.js';

/** Accesses that wait for the writes issued before them. */
export class WaitingAccesses {
  readonly #fence: WriteFence;
  #count = 0;
  /** Counts {@link cancel}. */
  #life = 0;

  constructor(fence: WriteFence) {
    this.#fence = fence;
  }

  /** Number of waiting accesses. */
  get count(): number {
    return this.#count;
  }

  /** Cancel all of them. */
  cancel(): void {
    this.#life++;
  }

  /**
   * Access memory once earlier writes have ended, both those in flight and those that wait
   * themselves. Runs inside the fence, so that the next one finds it done.
   */
  run(mapping: DmaMapping, access: () => void | Promise<void>): Promise<void> {
    this.#count++;
    const life = this.#life;
    const { refused } = this.#fence;
    return new Promise((resolve, reject) => {
      this.#fence.run(() => {
        this.#count--;
        try {
          if (life !== this.#life) {
            throw new DmaFaultError(ECANCELED, `DMA to ${mapping}: cancelled while it waited`);
          }
          if (refused !== this.#fence.refused) {
            throw new DmaFaultError(ECANCELED, `DMA to ${mapping}: a write before it failed`);
          }
          if (!mapping.mapped) {
            throw new DmaFaultError(ECANCELED, `DMA to ${mapping}: unmapped while it waited`);
          }
          resolve(access());
        } catch (error) {
          reject(error);
        }
      });
    });
  }
}
