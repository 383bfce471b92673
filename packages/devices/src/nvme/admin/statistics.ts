/** Counters of the SMART log. Kept across resets. */
export class Statistics {
  readBytes = 0;
  writtenBytes = 0;
  readCommands = 0;
  writeCommands = 0;
  powerCycles = 1;
  readonly #started = Date.now();

  get powerOnHours(): number {
    return Math.floor((Date.now() - this.#started) / 3_600_000);
  }
}
