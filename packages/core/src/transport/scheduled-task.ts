/** Runs something later, once, however often that was asked for until then. */
export class ScheduledTask {
  readonly #defer: (run: () => void) => void;
  readonly #run: () => void;
  #scheduled = false;

  /** `defer` says when, for example `setImmediate`. */
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
