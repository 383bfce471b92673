/**
 * The data segment of a received frame; one instance is reused for all frames. A codec takes what
 * its record announces, in order; {@link fault} checks that nothing is missing or left.
 */
export class BulkReader {
  #view: DataView = new DataView(new ArrayBuffer(0));
  #start = 0;
  #length = 0;
  #taken = 0;

  moveTo(view: DataView, start: number, length: number): void {
    this.#view = view;
    this.#start = start;
    this.#length = length;
    this.#taken = 0;
  }

  /** Bytes not yet taken. */
  get left(): number {
    return Math.max(0, this.#length - this.#taken);
  }

  /** The next `count` bytes, borrowed from the frame; fewer when it has fewer. */
  take(count: number): Uint8Array {
    const start = this.#view.byteOffset + this.#start + Math.min(this.#taken, this.#length);
    const bytes = new Uint8Array(this.#view.buffer, start, Math.min(count, this.left));
    this.#taken += count;
    return bytes;
  }

  /** An error text unless exactly the whole segment was taken. */
  get fault(): string | undefined {
    if (this.#taken === this.#length) return undefined;
    return `the record announces ${this.#taken} bytes of data, the frame has ${this.#length}`;
  }
}
