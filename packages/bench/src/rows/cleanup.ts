/** Ends what was opened, the latest first, also when opening the next failed. */
export class Cleanup {
  readonly #ends: (() => Promise<unknown>)[] = [];

  /** Something to close, or a program to stop. @returns what is passed. */
  add<T extends { close(): Promise<unknown> } | { stop(): Promise<unknown> }>(opened: T): T {
    this.#ends.push(() => ('stop' in opened ? opened.stop() : opened.close()));
    return opened;
  }

  async run(): Promise<void> {
    for (const end of this.#ends.reverse()) await end();
  }
}
