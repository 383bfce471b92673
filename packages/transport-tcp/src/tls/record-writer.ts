import type { StreamPort } from '@vfio-user/core/transport';
import { addressOf, NativeMemory } from '@vfio-user/posix-ffi';
import { ContentType, HandshakeType, MAX_CONTENT_BYTES, RECORD_HEADER_BYTES } from './record.js';
import { RECORD_OVERHEAD_BYTES, type RecordSealer } from './record-protection.js';

/** Up to this size data is copied, so that messages of one turn share a record. */
const COPY_BYTES = 4096;
/** Encrypted bytes that may be under way when more are encrypted. */
const AHEAD_BYTES = 0x4_0000;
/** Records that are sent with one system call. */
const RECORDS_AT_ONCE = 4;
const PIECE_BYTES = RECORDS_AT_ONCE * (MAX_CONTENT_BYTES + RECORD_OVERHEAD_BYTES);
/** Those under way, the next piece, and what two pieces leave at the end and do not fill. */
const RING_BYTES = AHEAD_BYTES + 4 * PIECE_BYTES;
/** Longest alert or key update. */
const MAX_CONTROL_BYTES = 8;
/** A key encrypts about 2^24.5 records of full size safely (RFC 8446, section 5.5). */
export const RECORDS_PER_KEY = 2 ** 24;

/** What waits to be encrypted. */
interface Waiting {
  readonly head: Uint8Array;
  readonly data: Uint8Array;
}

/** Sends a byte stream as records, encrypted no earlier than they can be sent. */
export class RecordWriter {
  readonly #below: StreamPort;
  readonly #sealer: RecordSealer;
  readonly #recordsPerKey: number;
  /** The record of small messages, which is encrypted in place. */
  readonly #small = new NativeMemory(MAX_CONTENT_BYTES + RECORD_OVERHEAD_BYTES);
  #smallBytes = 0;
  readonly #control = new NativeMemory(MAX_CONTROL_BYTES + RECORD_OVERHEAD_BYTES);
  /** Encrypted large data, used again and again: it is sent in the order in which it is encrypted. */
  readonly #ring = new NativeMemory(RING_BYTES);
  #ringEnd = 0;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #owesKeyUpdate = false;

  constructor(below: StreamPort, sealer: RecordSealer, recordsPerKey: number) {
    this.#below = below;
    this.#sealer = sealer;
    this.#recordsPerKey = recordsPerKey;
  }

  /** Bytes passed to {@link write} and not sent. */
  get queuedBytes(): number {
    return this.#below.queuedBytes + this.#waitingBytes;
  }

  /** Send it, or with `more` gather it until {@link push}. `data` is borrowed until it is sent. */
  write(head: Uint8Array, data: Uint8Array, more: boolean): void {
    if (this.#waiting.length > 0) {
      this.#wait(head.slice(), data);
      return;
    }
    if (head.length > COPY_BYTES) this.#sealLarge(head.slice());
    else this.#gather(head);
    if (data.length > COPY_BYTES) this.#sealLarge(data);
    else this.#gather(data);
    if (!more) this.push();
  }

  /** Send what is gathered. */
  push(): void {
    this.#sealSmall();
    this.#below.push();
  }

  /** Something was sent: go on with what waits. */
  resume(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0 || this.#mayNotSeal()) return;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const { head, data } of waiting) this.write(head, data, true);
    this.push();
  }

  /** Send something else than application data at once. */
  control(type: number, fragment: Uint8Array): void {
    this.#sealSmall();
    this.#sealControl(type, fragment);
    this.#below.push();
  }

  /** The peer wants to see another key before the next data. */
  keyUpdateRequested(): void {
    this.#owesKeyUpdate = true;
  }

  #gather(bytes: Uint8Array): void {
    if (this.#waiting.length > 0) {
      this.#wait(NO_BYTES, bytes.slice());
      return;
    }
    if (bytes.length > MAX_CONTENT_BYTES - this.#smallBytes) this.#sealSmall();
    this.#small.bytes.set(bytes, RECORD_HEADER_BYTES + this.#smallBytes);
    this.#smallBytes += bytes.length;
  }

  #sealSmall(): void {
    const length = this.#smallBytes;
    if (length === 0) return;
    this.#smallBytes = 0;
    this.#renewKey();
    this.#sealInPlace(ContentType.APPLICATION_DATA, this.#small, length);
  }

  #sealControl(type: number, fragment: Uint8Array): void {
    this.#control.bytes.set(fragment, RECORD_HEADER_BYTES);
    this.#sealInPlace(type, this.#control, fragment.length);
  }

  /** The record is copied by the port below. */
  #sealInPlace(type: number, memory: NativeMemory, length: number): void {
    const record = this.#sealer.seal(type, memory.address + RECORD_HEADER_BYTES, length, memory, 0);
    this.#below.send(memory.bytes.subarray(0, record), NO_BYTES, NONE, true);
  }

  #sealLarge(data: Uint8Array): void {
    this.#sealSmall();
    const address = addressOf(data);
    for (let from = 0; from < data.length; ) {
      if (this.#mayNotSeal()) {
        this.#wait(NO_BYTES, data.subarray(from));
        return;
      }
      from = this.#sealPiece(address, from, data.length);
    }
  }

  /** Returns where the next piece begins. */
  #sealPiece(address: number, from: number, end: number): number {
    this.#renewKey();
    const isIdle = this.#below.queuedBytes === 0;
    if (isIdle || this.#ringEnd + PIECE_BYTES > RING_BYTES) this.#ringEnd = 0;
    const start = this.#ringEnd;
    let at = from;
    for (let record = 0; record < RECORDS_AT_ONCE && at < end; record++) {
      const length = Math.min(MAX_CONTENT_BYTES, end - at);
      this.#ringEnd += this.#sealer.seal(
        ContentType.APPLICATION_DATA,
        address + at,
        length,
        this.#ring,
        this.#ringEnd,
      );
      at += length;
    }
    const records = this.#ring.bytes.subarray(start, this.#ringEnd);
    this.#below.send(NO_BYTES, records, NONE, true);
    return at;
  }

  #mayNotSeal(): boolean {
    return this.#below.queuedBytes > AHEAD_BYTES;
  }

  #wait(head: Uint8Array, data: Uint8Array): void {
    this.#waiting.push({ head, data });
    this.#waitingBytes += head.length + data.length;
  }

  /** In front of the next record, if that is due. */
  #renewKey(): void {
    if (!this.#owesKeyUpdate && this.#sealer.sequence < this.#recordsPerKey) return;
    this.#owesKeyUpdate = false;
    this.#sealControl(ContentType.HANDSHAKE, KEY_UPDATE);
    this.#sealer.updateKey();
  }
}

const NO_BYTES = new Uint8Array(0);
const NONE = [] as const;
/** Without asking for one of the peer. */
const KEY_UPDATE = Uint8Array.of(HandshakeType.KEY_UPDATE, 0, 0, 1, 0);
