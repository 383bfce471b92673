import { type DeviceClient, Irq } from '@vfio-user/core';

/** Waits for MSI-X vectors. An interrupt that came before anybody waited is not lost. */
export class InterruptWait {
  #count = 0;
  #wake: (() => void) | undefined;

  /** Wire up vectors 0 to `vectors` - 1. */
  static async enable(client: DeviceClient, vectors: number): Promise<InterruptWait> {
    const wait = new InterruptWait();
    await client.enableInterrupts(Irq.MSIX, vectors, (_vector, count) => wait.#signal(count));
    return wait;
  }

  /** Until any of the vectors has been signalled since the last call. */
  async next(): Promise<void> {
    if (this.#count === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#count = 0;
  }

  #signal(count: number): void {
    this.#count += count;
    this.#wake?.();
    this.#wake = undefined;
  }
}
