import { type DeviceClient, Irq } from '@vfio-user/core';

/** Waits for MSI-X vectors. An interrupt that came before anybody waited is not lost. */
export class InterruptWait {
  /** Interrupts that came since the last {@link next}, or since this was set to zero. */
  count = 0;
  #wake: (() => void) | undefined;

  /** Wire up vectors 0 to `vectors` - 1. */
  static async enable(client: DeviceClient, vectors: number): Promise<InterruptWait> {
    const wait = new InterruptWait();
    await client.enableInterrupts(Irq.MSIX, vectors, (_vector, count) => wait.signal(count));
    return wait;
  }

  /** Resolves when a vector has been signalled since the last call. */
  async next(): Promise<void> {
    if (this.count === 0) await this.arrival();
    this.count = 0;
  }

  /** Resolves at the next interrupt. */
  arrival(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** `count` interrupts came. */
  signal(count: number): void {
    this.count += count;
    this.#wake?.();
    this.#wake = undefined;
  }
}
