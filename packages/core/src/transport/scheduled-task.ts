/** Runs a function later, once, however often it was scheduled. */
export class ScheduledTask {
  readonly #defer: (run: () => void) => void;
  readonly #run: () => void;
  #scheduled = false;

  /** @param defer for example `setImmediate`. */
  constructor(defer: (run: () => void) => void, run: () => void) {
    this.#defer = defer;
    this.#run = () => {
      this.#scheduled = false;
      run();
    };
  }

  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#defer(this.#run);
  }
}
