import type { Tally } from './tally.js';

/** Counts the interrupts of one vector. */
export class InterruptCount {
  readonly #what: string;
  readonly #patienceMs: number;
  #expected = 0;
  #seen = 0;
  #onReached: (() => void) | undefined;

  /**
   * @param what names them in what is reported.
   * @param patienceMs after so long an interrupt that has not come is lost.
   */
  constructor(what: string, patienceMs = 30_000) {
    this.#what = what;
    this.#patienceMs = patienceMs;
  }

  signal(count: number): void {
    this.#seen += count;
    if (this.#seen >= this.#expected) this.#onReached?.();
  }

  get seen(): number {
    return this.#seen;
  }

  /** `count` interrupts are caused. */
  expect(count: number): void {
    this.#expected += count;
  }

  /** Wait for all that were caused, and find those that came too often. */
  async verify(tally: Tally): Promise<void> {
    if (this.#seen < this.#expected) await this.#reached();
    tally.compare(`interrupts ${this.#what}`, this.#expected, this.#seen);
    this.#expected = this.#seen;
  }

  #reached(): Promise<void> {
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#onReached = undefined;
        resolve();
      };
      const timer = setTimeout(settle, this.#patienceMs);
      this.#onReached = settle;
    });
  }
}
