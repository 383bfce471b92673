import { getIova, type Iova } from '../../address.js';

const LOW = 0x1_0000_0000;

/**
 * The payload of a received message. One instance is reused for all messages, so that reading
 * allocates nothing. Offsets count from the end of the header. Nothing is checked here: check
 * {@link length} first.
 */
export class PayloadReader {
  #view: DataView = new DataView(new ArrayBuffer(0));
  #start = 0;
  /** Bytes of payload. */
  length = 0;

  moveTo(view: DataView, start: number, length: number): void {
    this.#view = view;
    this.#start = start;
    this.length = length;
  }

  uint16(at: number): number {
    return this.#view.getUint16(this.#start + at, true);
  }

  uint32(at: number): number {
    return this.#view.getUint32(this.#start + at, true);
  }

  /** A u64 as a number: exact below 2^53, rounded above, where it is not a safe integer. */
  uint64(at: number): number {
    return this.uint32(at + 4) * LOW + this.uint32(at);
  }

  /** A u64, exact. */
  iova(at: number): Iova {
    return getIova(this.#view, this.#start + at);
  }

  bigUint64(at: number): bigint {
    return this.#view.getBigUint64(this.#start + at, true);
  }

  /** The bytes `[at, at + length)`, borrowed from the frame. */
  bytes(at: number, length: number): Uint8Array {
    const view = this.#view;
    return new Uint8Array(view.buffer, view.byteOffset + this.#start + at, length);
  }
}
