type Task = () => void | Promise<void>;

/**
 * Runs requests that change the session's state one after the other. Nearly all finish at once;
 * behind one that takes its time (a device that quiesces) the others wait in order. Register
 * accesses do not come through here, so the guest is answered meanwhile.
 */
export class ControlQueue {
  readonly #waiting: Task[] = [];
  #busy = false;
  #closed = false;

  /** Requests that wait. */
  get length(): number {
    return this.#waiting.length;
  }

  get idle(): boolean {
    return !this.#busy;
  }

  run(task: Task): void {
    if (this.#closed) return;
    if (this.#busy) this.#waiting.push(task);
    else this.#start(task);
  }

  /** What waits is dropped; what runs ends by itself. */
  close(): void {
    this.#closed = true;
    this.#waiting.length = 0;
  }

  #start(task: Task): void {
    const outcome = task();
    if (outcome === undefined) return;
    this.#busy = true;
    void outcome.finally(() => {
      this.#busy = false;
      while (!this.#busy) {
        const next = this.#waiting.shift();
        if (next === undefined) return;
        this.#start(next);
      }
    });
  }
}
