import { markAsUntransferable } from 'node:worker_threads';
import type { ReceiveBuffer } from '@vfio-user/core/transport';
import { addressOf, NativeMemory, TAG_BYTES } from '@vfio-user/posix-ffi';
import type { ReceivedBytes } from '../link/received-bytes.js';
import {
  AlertDescription,
  ContentType,
  encryptedLength,
  MAX_CONTENT_BYTES,
  MAX_ENCRYPTED_BYTES,
  RECORD_HEADER_BYTES,
  TlsViolation,
} from './record.js';
import type { RecordOpener } from './record-protection.js';

/** Receives what is not application data. */
export interface RecordEvents {
  /** The fragment is the receiver's. Returns whether to go on. */
  onControl(type: number, fragment: Uint8Array): boolean;
}

/** Decrypts records, straight to where their data goes if there is room for it. */
export class RecordReader {
  readonly #opener: RecordOpener;
  readonly #events: RecordEvents;
  /** A record that does not fit: `[#start, #end)` is yet to be delivered. */
  readonly #scratch = new NativeMemory(MAX_ENCRYPTED_BYTES);
  #start = 0;
  #end = 0;
  #source = new Located();
  #target = new Located();

  constructor(opener: RecordOpener, events: RecordEvents) {
    this.#opener = opener;
    this.#events = events;
  }

  /**
   * Move application data from `received` to `to`, as much as there is and fits.
   * @returns how much.
   * @throws {TlsViolation}
   */
  read(received: ReceivedBytes, to: ReceiveBuffer): number {
    let moved = 0;
    to.reserve();
    while (to.space > 0) {
      const count = this.#start < this.#end ? this.#deliver(to) : this.#open(received, to);
      if (count === undefined) break;
      moved += count;
    }
    return moved;
  }

  #deliver(to: ReceiveBuffer): number {
    const start = this.#start;
    const count = Math.min(this.#end - start, to.space);
    to.bytes.set(this.#scratch.bytes.subarray(start, start + count), to.end);
    to.commit(count);
    this.#start += count;
    return count;
  }

  /** The next record, if it is there. Returns how much of its data has been delivered. */
  #open(received: ReceivedBytes, to: ReceiveBuffer): number | undefined {
    const { bytes, start, end } = received;
    if (end - start < RECORD_HEADER_BYTES) return undefined;
    const length = encryptedLength(bytes, start);
    check(bytes[start] as number, length);
    if (end - start < RECORD_HEADER_BYTES + length) return undefined;
    const plain = length - TAG_BYTES;
    const isDirect = plain <= to.space;
    const target = isDirect ? this.#target.addressOf(to.bytes) + to.end : this.#scratch.address;
    if (!this.#opener.open(this.#source.addressOf(bytes) + start, plain, target)) {
      throw new TlsViolation('a record was changed on its way', AlertDescription.BAD_RECORD_MAC);
    }
    received.start = start + RECORD_HEADER_BYTES + length;
    const [into, from] = isDirect ? [to.bytes, to.end] : [this.#scratch.bytes, 0];
    const typeAt = lastNotZero(into, from, from + plain);
    const content = typeAt - from;
    if (content > MAX_CONTENT_BYTES) {
      throw new TlsViolation(`a record of ${content} bytes`, AlertDescription.RECORD_OVERFLOW);
    }
    const type = into[typeAt];
    if (type !== ContentType.APPLICATION_DATA) {
      return this.#events.onControl(type as number, into.slice(from, typeAt)) ? 0 : undefined;
    }
    if (isDirect) {
      to.commit(content);
      return content;
    }
    this.#start = 0;
    this.#end = content;
    return 0;
  }
}

/** The address of a buffer, looked up when it is another one than before. */
class Located {
  #bytes: Uint8Array | undefined;
  #address = 0;

  addressOf(bytes: Uint8Array): number {
    if (bytes !== this.#bytes) {
      // A handler that transferred it to a worker would leave OpenSSL writing into freed memory.
      markAsUntransferable(bytes.buffer);
      this.#bytes = bytes;
      this.#address = addressOf(bytes);
    }
    return this.#address;
  }
}

function check(type: number, length: number): void {
  if (type !== ContentType.APPLICATION_DATA) {
    const text = `a record of type ${type} that is not encrypted`;
    throw new TlsViolation(text, AlertDescription.UNEXPECTED_MESSAGE);
  }
  if (length > MAX_ENCRYPTED_BYTES) {
    throw new TlsViolation(`a record of ${length} bytes`, AlertDescription.RECORD_OVERFLOW);
  }
  if (length <= TAG_BYTES) {
    throw new TlsViolation(`a record of ${length} bytes`, AlertDescription.DECODE_ERROR);
  }
}

/** The type stands behind the content, and only zeros may follow. */
function lastNotZero(bytes: Uint8Array, start: number, end: number): number {
  for (let at = end - 1; at >= start; at--) if (bytes[at] !== 0) return at;
  throw new TlsViolation('a record without a type', AlertDescription.UNEXPECTED_MESSAGE);
}
