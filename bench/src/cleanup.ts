/** What has to be ended. */
export interface Closable {
  close(): Promise<void>;
}

/** Ends what was opened, the latest first, also when opening the next failed. */
export class Cleanup {
  readonly #open: Closable[] = [];

  /** @returns what is passed. */
  add<T extends Closable>(closable: T): T {
    this.#open.push(closable);
    return closable;
  }

  async run(): Promise<void> {
    for (const closable of this.#open.reverse()) await closable.close();
  }
}
