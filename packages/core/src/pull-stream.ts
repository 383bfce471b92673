/**
 * An async iterator for one consumer, without a queue: `take` returns the next available value, so
 * that its owner decides what happens to values that are not taken in time.
 */
export class PullStream<T> implements AsyncIterableIterator<T>, AsyncDisposable {
  #take: () => T | undefined;
  readonly #onReturn: () => void | Promise<void>;
  #wake: (() => void)[] = [];
  #ended = false;
  #error: unknown;

  /**
   * @param onReturn called when the consumer stops early, at most once, and not after {@link end}.
   */
  constructor(take: () => T | undefined, onReturn: () => void | Promise<void>) {
    this.#take = take;
    this.#onReturn = onReturn;
  }

  /** A value may be available. */
  wake(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const resolve of waiting) resolve();
  }

  /** No more values: the consumer gets those available, then the error once, if any. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.wake();
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    for (;;) {
      const value = this.#take();
      if (value !== undefined) return { done: false, value };
      if (this.#ended) break;
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) throw error;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    // Values that were not taken are dropped.
    this.#take = () => undefined;
    if (!this.#ended) {
      this.end();
      await this.#onReturn();
    }
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
