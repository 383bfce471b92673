import type { Status } from '../status.js';

/** Entries kept (ELPE + 1 in the identify data). */
export const ERROR_LOG_ENTRIES = 64;
const ENTRY_BYTES = 64;

/** "Not specific to one parameter of the command". */
const NO_LOCATION = 0xffff;

/** Error Information (log page 01h), newest first. */
export class ErrorLog {
  readonly #entries: { count: number; queueId: number; commandId: number; status: number }[] = [];
  #count = 0;

  /** Errors since the device was created. */
  get count(): number {
    return this.#count;
  }

  /** `commandId` is FFFFh for an error of no particular command. */
  record(queueId: number, commandId: number, status: Status): void {
    this.#count++;
    if (this.#entries.length === ERROR_LOG_ENTRIES) this.#entries.shift();
    this.#entries.push({ count: this.#count, queueId, commandId, status });
  }

  encode(): Uint8Array {
    const page = new Uint8Array(ERROR_LOG_ENTRIES * ENTRY_BYTES);
    const view = new DataView(page.buffer);
    this.#entries.toReversed().forEach((entry, index) => {
      const at = index * ENTRY_BYTES;
      view.setBigUint64(at, BigInt(entry.count), true);
      view.setUint16(at + 8, entry.queueId, true);
      view.setUint16(at + 10, entry.commandId, true);
      // Bit 0 is where the phase tag stands in a completion.
      view.setUint16(at + 12, entry.status << 1, true);
      view.setUint16(at + 14, NO_LOCATION, true);
    });
    return page;
  }
}
