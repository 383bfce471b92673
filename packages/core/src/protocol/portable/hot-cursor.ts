import { type Iova, iovaFromHalves } from '../../address.js';

/** A position past every end: nothing matches there. */
const GAVE_UP = 2 ** 30 - 1;

/**
 * Reads the record of a hot message piece by piece. At the first unexpected piece it gives up: the
 * rest reads as 0, and {@link complete} is `false`.
 */
export class HotCursor {
  bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #at = 0;
  #end = 0;
  #bulkBytes = 0;
  #bulkTaken = 0;

  /** The record is `[start, end)`, the bulk data lies behind it. */
  moveTo(bytes: Uint8Array, view: DataView, start: number, end: number, bulkBytes: number): void {
    this.bytes = bytes;
    this.#view = view;
    this.#at = start;
    this.#end = end;
    this.#bulkBytes = bulkBytes;
    this.#bulkTaken = 0;
  }

  /** The next byte, without stepping over it. */
  get next(): number {
    return this.#at < this.#end ? (this.bytes[this.#at] as number) : 0; // inside the record
  }

  byte(expected: number): void {
    this.#at = this.next === expected ? this.#at + 1 : GAVE_UP;
  }

  /** Skip expected bytes. */
  constant(expected: Uint8Array): void {
    const { bytes } = this;
    const count = expected.length;
    const at = this.#at;
    let i = count <= this.#end - at ? 0 : count + 1;
    while (i < count && bytes[at + i] === expected[i]) i++;
    this.#at = i === count ? at + count : GAVE_UP;
  }

  /** The integer behind a key. */
  number(key: Uint8Array, max: number): number {
    this.constant(key);
    const value = this.#integer();
    if (typeof value === 'number' && value <= max) return value;
    this.#at = GAVE_UP;
    return 0;
  }

  /** The address behind a key. */
  iova(key: Uint8Array): Iova {
    this.constant(key);
    return this.#integer();
  }

  /** The next `count` bytes of bulk data, borrowed from the frame. Gives up when it has fewer. */
  bulk(count: number): Uint8Array {
    const from = this.#view.byteOffset + this.#end + this.#bulkTaken;
    const there = count <= this.#bulkBytes - this.#bulkTaken;
    if (!there) this.#at = GAVE_UP;
    else this.#bulkTaken += count;
    return new Uint8Array(this.#view.buffer, from, there ? count : 0);
  }

  /** Whether it was all as expected, with nothing left over. */
  get complete(): boolean {
    return this.#at === this.#end && this.#bulkTaken === this.#bulkBytes;
  }

  #integer(): Iova {
    const { bytes } = this;
    const at = this.#at;
    const left = this.#end - at;
    const format = left > 0 ? (bytes[at] as number) : 0xc1; // inside the record
    if (format < 0x80) {
      this.#at = at + 1;
      return format;
    }
    if (format === 0xcc && left > 1) {
      this.#at = at + 2;
      return bytes[at + 1] as number; // inside the record
    }
    if (format === 0xcd && left > 2) {
      this.#at = at + 3;
      return this.#view.getUint16(at + 1);
    }
    if (format === 0xce && left > 4) {
      this.#at = at + 5;
      return this.#view.getUint32(at + 1);
    }
    if ((format === 0xcf || format === 0xd3) && left > 8) {
      const high = this.#view.getUint32(at + 1);
      // A negative int64 is left to the schemas, which refuse it.
      if (format === 0xcf || high < 0x8000_0000) {
        this.#at = at + 9;
        return iovaFromHalves(this.#view.getUint32(at + 5), high);
      }
    }
    this.#at = GAVE_UP;
    return 0;
  }
}
