import { type Iova, setIova } from '../../address.js';
import { HEADER_BYTES } from '../constants.js';
import { type EncodedMessage, INLINE_DATA_BYTES } from '../encoding.js';
import { writeHeader } from './header.js';

const INITIAL_BYTES = 8192;

/** Heads up to this many bytes are returned as cached views. */
const CACHED_HEAD_BYTES = 256;

/** Up to this many bytes a loop is faster than `set`. */
const LOOP_BYTES = 16;

/**
 * Writes one message at a time into scratch memory of the connection. Offsets count from the end of
 * the header. Every byte of the fixed part must be written, as the memory still holds the previous
 * message.
 */
export class MessageWriter {
  #bytes = new Uint8Array(INITIAL_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #heads: (Uint8Array | undefined)[] = [];
  #length = HEADER_BYTES;
  #data: Uint8Array | undefined;
  readonly #message: { head: Uint8Array; data: Uint8Array | undefined } = {
    head: this.#bytes,
    data: undefined,
  };

  /** Begin a message whose payload has a fixed part of `payloadBytes`. */
  begin(payloadBytes: number): void {
    this.#length = HEADER_BYTES;
    this.#data = undefined;
    this.#grow(payloadBytes);
  }

  uint16(at: number, value: number): void {
    this.#view.setUint16(HEADER_BYTES + at, value, true);
  }

  uint32(at: number, value: number): void {
    this.#view.setUint32(HEADER_BYTES + at, value, true);
  }

  uint64(at: number, value: Iova): void {
    setIova(this.#view, HEADER_BYTES + at, value);
  }

  /** Zero `[at, end)` of the fixed part. */
  zero(at: number, end: number): void {
    this.#bytes.fill(0, HEADER_BYTES + at, HEADER_BYTES + end);
  }

  /** Copy into the fixed part. */
  copy(at: number, source: Uint8Array): void {
    this.#bytes.set(source, HEADER_BYTES + at);
  }

  /** Append bulk data, at most once a message: copied when small, else borrowed. */
  data(source: Uint8Array): void {
    const count = source.length;
    if (count > INLINE_DATA_BYTES) {
      this.#data = source;
      return;
    }
    const at = this.#length;
    this.#grow(count);
    const bytes = this.#bytes;
    if (count <= LOOP_BYTES) {
      for (let i = 0; i < count; i++) bytes[at + i] = source[i] as number; // i is below its length
    } else {
      bytes.set(source, at);
    }
  }

  /** Write the header and return the message, which is valid until the next {@link begin}. */
  finish(id: number, command: number, flags: number, errno: number): EncodedMessage {
    const data = this.#data;
    const size = this.#length + (data === undefined ? 0 : data.length);
    writeHeader(this.#view, id, command, size, flags, errno);
    this.#message.head = this.#head(this.#length);
    this.#message.data = data;
    return this.#message;
  }

  #head(length: number): Uint8Array {
    if (length >= CACHED_HEAD_BYTES) return this.#bytes.subarray(0, length);
    let head = this.#heads[length];
    if (head === undefined) {
      head = this.#bytes.subarray(0, length);
      this.#heads[length] = head;
    }
    return head;
  }

  #grow(count: number): void {
    const length = this.#length + count;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(2 ** Math.ceil(Math.log2(length)));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
      this.#heads = [];
    }
    this.#length = length;
  }
}
