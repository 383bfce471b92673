/** Bytes of the data of the Timestamp feature. */
export const TIMESTAMP_BYTES = 8;

/** Where the value comes from, bits 3:1 of byte 6. */
const ORIGIN_RESET = 0 << 1;
const ORIGIN_HOST = 1 << 1;

/** The clock of the Timestamp feature: milliseconds since the host set it, or since a reset. */
export class Timestamp {
  #base = 0;
  #setAt = Date.now();
  #origin = ORIGIN_RESET;

  set(data: DataView): void {
    this.#base = data.getUint32(0, true) + data.getUint16(4, true) * 2 ** 32;
    this.#setAt = Date.now();
    this.#origin = ORIGIN_HOST;
  }

  encode(): Uint8Array {
    const data = Buffer.alloc(TIMESTAMP_BYTES);
    data.writeUIntLE((this.#base + Date.now() - this.#setAt) % 2 ** 48, 0, 6);
    data[6] = this.#origin;
    return data;
  }

  reset(): void {
    this.#base = 0;
    this.#setAt = Date.now();
    this.#origin = ORIGIN_RESET;
  }
}
