import type { SubmissionQueue } from '../queues/submission-queue.js';

/**
 * Writes to guest memory that are not awaited, like posted writes on PCI Express: later writes and interrupts are
 * ordered behind them, so waiting would only cost a round trip.
 */
export class PostedWrites {
  readonly #onFailure: (error: unknown) => void;
  readonly #onDrained: () => void;
  #bytes = 0;

  constructor(onFailure: (error: unknown) => void, onDrained: () => void) {
    this.#onFailure = onFailure;
    this.#onDrained = onDrained;
  }

  /** In flight. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A failure is ignored once `queue` is reset. */
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
