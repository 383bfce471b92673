import { Aead, NativeMemory, NONCE_BYTES, TAG_BYTES } from '@vfio-user/posix-ffi';
import { RECORD_HEADER_BYTES, writeRecordHeader } from './record.js';
import type { TrafficSecret } from './traffic-secret.js';

/** What is added to the content of a record: its header, the type of the content, a tag. */
export const RECORD_OVERHEAD_BYTES = RECORD_HEADER_BYTES + 1 + TAG_BYTES;

const SEQUENCE_OFFSET = NONCE_BYTES - 8;
const HIGH = 0x1_0000_0000;

/** The key of one direction, and the number of the next record (RFC 8446, sections 5.2 and 5.3). */
class RecordProtection {
  protected readonly aead: Aead;
  /** Records since the key is in use. */
  #sequence = 0;
  #secret: TrafficSecret;
  readonly #nonce = new NativeMemory(NONCE_BYTES);
  #ivHigh = 0;
  #ivLow = 0;

  constructor(direction: 'seal' | 'open', secret: TrafficSecret) {
    this.#secret = secret;
    this.aead = new Aead(secret.suite.aead, direction, secret.key());
    this.#setIv(secret.iv());
  }

  get sequence(): number {
    return this.#sequence;
  }

  /** Go on with the next key. */
  updateKey(): void {
    this.#secret = this.#secret.next();
    this.aead.setKey(this.#secret.suite.aead, this.#secret.key());
    this.#setIv(this.#secret.iv());
    this.#sequence = 0;
  }

  /** Forget the keys. */
  close(): void {
    this.aead.close();
  }

  protected start(header: number): void {
    const { view, address } = this.#nonce;
    const sequence = this.#sequence++;
    view.setInt32(SEQUENCE_OFFSET, this.#ivHigh ^ Math.floor(sequence / HIGH));
    view.setInt32(SEQUENCE_OFFSET + 4, this.#ivLow ^ (sequence % HIGH));
    this.aead.start(address, header, RECORD_HEADER_BYTES);
  }

  /** The next record is the one before. */
  protected takeBack(): void {
    this.#sequence--;
  }

  #setIv(iv: Uint8Array): void {
    const { bytes, view } = this.#nonce;
    bytes.set(iv);
    this.#ivHigh = view.getInt32(SEQUENCE_OFFSET);
    this.#ivLow = view.getInt32(SEQUENCE_OFFSET + 4);
  }
}

/** Encrypts records. */
export class RecordSealer extends RecordProtection {
  readonly #type = new NativeMemory(1);

  constructor(secret: TrafficSecret) {
    super('seal', secret);
  }

  /**
   * Write a record to `at` of `target`.
   * @param content address of `length` bytes, which may be where they stand in the record.
   * @returns the length of the record.
   */
  seal(type: number, content: number, length: number, target: NativeMemory, at: number): number {
    const header = target.address + at;
    const encrypted = header + RECORD_HEADER_BYTES;
    writeRecordHeader(target.bytes, at, length + 1 + TAG_BYTES);
    this.#type.bytes[0] = type;
    this.start(header);
    if (length > 0) this.aead.update(content, length, encrypted);
    this.aead.update(this.#type.address, 1, encrypted + length);
    this.aead.seal(encrypted + length + 1);
    return length + RECORD_OVERHEAD_BYTES;
  }
}

/** Decrypts records. */
export class RecordOpener extends RecordProtection {
  constructor(secret: TrafficSecret) {
    super('open', secret);
  }

  /**
   * Decrypt a record, whose header is at `header`, to `target`.
   * @param length of the encrypted part without its tag.
   * @returns whether it is authentic; otherwise it does not count, and what is at `target` is worthless.
   */
  open(header: number, length: number, target: number): boolean {
    const encrypted = header + RECORD_HEADER_BYTES;
    this.start(header);
    this.aead.update(encrypted, length, target);
    if (this.aead.open(encrypted + length)) return true;
    this.takeBack();
    return false;
  }
}
