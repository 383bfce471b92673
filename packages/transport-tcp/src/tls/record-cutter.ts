import {
  ContentType,
  encryptedLength,
  MAX_ENCRYPTED_BYTES,
  RECORD_HEADER_BYTES,
} from './record.js';

/** Cuts a stream into records. What cannot be one is passed on as it is, for Node to complain. */
export class RecordCutter {
  #bytes: Uint8Array = new Uint8Array(0);

  append(bytes: Uint8Array): void {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
  }

  /** The next record, if it is there. */
  peek(): Uint8Array | undefined {
    const bytes = this.#bytes;
    if (bytes.length === 0) return undefined;
    if (!maybeRecord(bytes)) return bytes;
    if (bytes.length < RECORD_HEADER_BYTES) return undefined;
    const length = RECORD_HEADER_BYTES + encryptedLength(bytes, 0);
    return bytes.length < length ? undefined : bytes.subarray(0, length);
  }

  take(): Uint8Array | undefined {
    const record = this.peek();
    if (record !== undefined) this.#bytes = this.#bytes.subarray(record.length);
    return record;
  }

  rest(): Uint8Array {
    return this.#bytes;
  }
}

function maybeRecord(bytes: Uint8Array): boolean {
  const type = bytes[0] as number;
  if (type < 20 || type > ContentType.APPLICATION_DATA) return false;
  if (bytes.length > 1 && bytes[1] !== 3) return false;
  return bytes.length < RECORD_HEADER_BYTES || encryptedLength(bytes, 0) <= MAX_ENCRYPTED_BYTES;
}
