/**
 * Completions that stand in mapped rings without their last dword, whose phase tag shows them to the host. One store
 * fence serves all of them: it waits until the data that was copied has left the processor, which takes as long as a
 * command.
 */
export class PlacedCompletions {
  readonly #entries: DataView[] = [];
  readonly #offsets: number[] = [];
  readonly #dwords: number[] = [];
  #count = 0;

  /** `dword` at `offset` shows an entry of which all else is written. */
  add(entries: DataView, offset: number, dword: number): void {
    this.#entries[this.#count] = entries;
    this.#offsets[this.#count] = offset;
    this.#dwords[this.#count] = dword;
    this.#count++;
  }

  /** Show them, in the order in which they were placed. */
  show(): void {
    if (this.#count === 0) return;
    storeFence();
    for (let index = 0; index < this.#count; index++) {
      // `!`: below the count.
      this.#entries[index]!.setUint32(this.#offsets[index]!, this.#dwords[index]!, true);
    }
    this.#count = 0;
  }
}

const word = new Int32Array(1);

/** A store fence: stores before it become visible before those after it. */
function storeFence(): void {
  Atomics.add(word, 0, 1);
}
