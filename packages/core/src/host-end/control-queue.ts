/** Something that changes the session's state. */
export interface ControlTask {
  run(): void | Promise<void>;
  /** The session has ended before its turn came: give back what it holds. */
  drop(): void;
}

/**
 * Runs requests that change the session's state one after the other. Nearly all finish at once;
 * behind one that takes its time (a device that quiesces) the others wait in order. Register
 * accesses do not come through here, so the guest is answered meanwhile.
 */
export class ControlQueue {
  #waiting: ControlTask[] = [];
  #busy = false;
  #closed = false;

  /** Requests that wait. */
  get length(): number {
    return this.#waiting.length;
  }

  get idle(): boolean {
    return !this.#busy;
  }

  run(task: ControlTask): void {
    if (this.#closed) task.drop();
    else if (this.#busy) this.#waiting.push(task);
    else this.#start(task);
  }

  /** What waits is dropped; what runs ends by itself. */
  close(): void {
    this.#closed = true;
    const dropped = this.#waiting;
    this.#waiting = [];
    for (const task of dropped) task.drop();
  }

  #start(task: ControlTask): void {
    const outcome = task.run();
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
