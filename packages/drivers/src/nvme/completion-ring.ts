import { VfioUserError } from '@vfio-user/core';
import { COMPLETION_DWORDS } from './entries.js';

/** The host's side of a completion queue: takes entries out by their phase bit. */
export class CompletionRing {
  readonly #words: Int32Array;
  readonly #entries: number;
  #head = 0;
  #phase = 1;

  constructor(words: Int32Array, entries: number) {
    this.#words = words;
    this.#entries = entries;
  }

  /** What the head doorbell is to say. */
  get head(): number {
    return this.#head;
  }

  /**
   * The identifier of the next command that ended, -1 if none has.
   * @throws {VfioUserError} `VFU_SYSTEM_ERROR` when it failed.
   */
  take(): number {
    // Atomic, so that memory is looked at each time.
    const last = Atomics.load(this.#words, this.#head * COMPLETION_DWORDS + 3);
    if (((last >>> 16) & 1) !== this.#phase) return -1;
    if (last >>> 17 !== 0) {
      const text = `an NVMe command failed: status ${last >>> 17}`;
      throw new VfioUserError('VFU_SYSTEM_ERROR', text);
    }
    if (++this.#head === this.#entries) {
      this.#head = 0;
      this.#phase ^= 1;
    }
    return last & 0xffff;
  }
}
