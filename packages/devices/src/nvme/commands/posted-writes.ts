import type { SubmissionQueue } from '../queues/submission-queue.js';

/**
 * Writes to guest memory that nobody waits for, like posted writes on PCI Express: what follows
 * (another write, an interrupt) is kept behind them, so waiting would only cost a round trip. No
 * register tells of them, so none is kept behind them.
 */
export class PostedWrites {
  readonly #onFailure: (error: unknown) => void;
  readonly #onDrained: () => void;
  #bytes = 0;

  constructor(onFailure: (error: unknown) => void, onDrained: () => void) {
    this.#onFailure = onFailure;
    this.#onDrained = onDrained;
  }

  /** Under way. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A failure interests nobody any more once `queue` is reset. */
  add(writing: Promise<void>, bytes: number, queue: SubmissionQueue): void {
    this.#bytes += bytes;
    const ended = (): void => {
      this.#bytes -= bytes;
      this.#onDrained();
    };
    writing.then(ended, (error) => {
      if (queue.state !== 'reset') this.#onFailure(error);
      ended();
    });
  }
}
