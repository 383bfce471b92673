import type { Iova } from '../../address.js';
import { type EncodedMessage, INLINE_DATA_BYTES } from '../encoding.js';
import { FRAME_HEADER_BYTES, writeFrameHeader } from './framing.js';

const INITIAL_BYTES = 16_384;

/** Heads up to this many bytes are returned as cached views. */
const CACHED_HEAD_BYTES = 256;

/** Up to this many bytes a loop is faster than `set`. */
const LOOP_BYTES = 32;

/** The longest integer: a format byte and 64 bits. */
const MAX_INTEGER_BYTES = 9;

const LOW = 0x1_0000_0000;

/**
 * Writes one frame at a time into scratch memory of the connection: the record, in pieces or whole,
 * then the bulk data.
 */
export class FrameWriter {
  #bytes = new Uint8Array(INITIAL_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #heads: (Uint8Array | undefined)[] = [];
  #length = FRAME_HEADER_BYTES;
  #recordBytes = 0;
  #data: Uint8Array | undefined;
  readonly #message: { head: Uint8Array; data: Uint8Array | undefined } = {
    head: this.#bytes,
    data: undefined,
  };

  begin(): void {
    this.#length = FRAME_HEADER_BYTES;
    this.#data = undefined;
  }

  /** MessagePack that is already encoded. */
  packed(source: Uint8Array): void {
    this.#append(source);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** An unsigned integer in the shortest MessagePack format; above 32 bits in 64. */
  integer(value: Iova): void {
    const at = this.#length;
    this.#reserve(MAX_INTEGER_BYTES);
    const bytes = this.#bytes;
    if (typeof value === 'number' && value < LOW) {
      if (value < 0x80) {
        bytes[at] = value;
        this.#length = at + 1;
      } else if (value < 0x100) {
        bytes[at] = 0xcc;
        bytes[at + 1] = value;
        this.#length = at + 2;
      } else if (value < 0x1_0000) {
        bytes[at] = 0xcd;
        bytes[at + 1] = value >>> 8;
        bytes[at + 2] = value;
        this.#length = at + 3;
      } else {
        bytes[at] = 0xce;
        this.#view.setUint32(at + 1, value);
        this.#length = at + 5;
      }
      return;
    }
    if (typeof value === 'number') {
      this.#view.setUint32(at + 1, Math.floor(value / LOW));
      this.#view.setUint32(at + 5, value % LOW);
    } else {
      this.#view.setBigUint64(at + 1, value);
    }
    // A positive number that fits goes as int64, which is what the library does.
    bytes[at] = (bytes[at + 1] as number) < 0x80 ? 0xd3 : 0xcf; // written just above
    this.#length = at + MAX_INTEGER_BYTES;
  }

  /** The record is complete; what follows is bulk data. */
  endRecord(): void {
    this.#recordBytes = this.#length - FRAME_HEADER_BYTES;
  }

  /** Append bulk data. Small data is copied; the last piece, when large, is borrowed. */
  bulk(source: Uint8Array): void {
    if (this.#data !== undefined) {
      this.#append(this.#data);
      this.#data = undefined;
    }
    if (source.length > INLINE_DATA_BYTES) this.#data = source;
    else this.#append(source);
  }

  /** Write the header and return the frame, which is valid until the next {@link begin}. */
  finish(): EncodedMessage {
    const data = this.#data;
    const frameBytes = this.#length + (data === undefined ? 0 : data.length);
    writeFrameHeader(this.#view, frameBytes, this.#recordBytes);
    this.#message.head = this.#head(this.#length);
    this.#message.data = data;
    return this.#message;
  }

  #append(source: Uint8Array): void {
    const count = source.length;
    const at = this.#length;
    this.#reserve(count);
    const bytes = this.#bytes;
    if (count <= LOOP_BYTES) {
      for (let i = 0; i < count; i++) bytes[at + i] = source[i] as number; // i is below its length
    } else {
      bytes.set(source, at);
    }
    this.#length = at + count;
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

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(2 ** Math.ceil(Math.log2(needed)));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
    this.#heads = [];
  }
}
