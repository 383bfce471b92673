interface Waiting {
  /** Runs once every write with a lower number has ended. */
  after: number;
  readonly action: () => void;
}

/**
 * Orders actions after DMA writes. Writes by message are numbered; an action given to {@link run}
 * waits for those issued before it and for no later ones.
 */
export class WriteFence {
  #issued = 0;
  /** Every write below this number has ended. */
  #settled = 0;
  readonly #endedEarly = new Set<number>();
  #waiting: Waiting[] = [];
  #refused = 0;

  /** No write is in flight and nothing waits. */
  get open(): boolean {
    return this.#settled === this.#issued && this.#waiting.length === 0;
  }

  /** Something waits. */
  get awaited(): boolean {
    return this.#waiting.length > 0;
  }

  /** Number of refused writes: what waited for them must not take them for done. */
  get refused(): number {
    return this.#refused;
  }

  /**
   * A write was sent.
   * @returns its number, for {@link end}.
   */
  begin(): number {
    return this.#issued++;
  }

  /** The write was answered or cancelled. */
  end(write: number): void {
    if (write !== this.#settled) {
      this.#endedEarly.add(write);
      return;
    }
    this.#settled++;
    while (this.#endedEarly.delete(this.#settled)) this.#settled++;
    this.#release();
  }

  /** The write was refused by the client. */
  refuse(write: number): void {
    this.#refused++;
    this.end(write);
  }

  run(action: () => void): void {
    if (this.open) action();
    else this.#waiting.push({ after: this.#issued, action });
  }

  #release(): void {
    while (this.#waiting.length > 0 && (this.#waiting[0] as Waiting).after <= this.#settled) {
      const issued = this.#issued;
      (this.#waiting.shift() as Waiting).action();
      if (this.#issued === issued) continue;
      // A waiting write was sent only now: the others were issued after it.
      for (const waiting of this.#waiting) waiting.after = this.#issued;
    }
  }
}
