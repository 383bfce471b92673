import type { Ring } from './submission-ring.js';

/** 32-bit words of a completion queue entry. */
const COMPLETION_DWORDS = 4;

/** A completion. */
export interface NvmeCompletion {
  /** Status without the Do Not Retry bit: type in bits 10:8, code in 7:0. */
  readonly status: number;
  readonly doNotRetry: boolean;
  /** Dword 0. */
  readonly result: number;
  readonly queueHead: number;
  readonly queueId: number;
}

/** The host's side of a completion queue: takes entries out by their phase bit. */
export class CompletionRing {
  readonly #words: Int32Array;
  readonly #entries: number;
  #head = 0;
  #phase = 1;
  /** The last dword of the entry taken last, and which one it was. */
  #last = 0;
  #taken = 0;

  constructor({ words, entries }: Ring) {
    this.#words = words;
    this.#entries = entries;
  }

  /** The value for the head doorbell. */
  get head(): number {
    return this.#head;
  }

  /** The identifier of the next command that ended, -1 if none has. */
  take(): number {
    // Atomic, so that memory is looked at each time.
    const last = Atomics.load(this.#words, this.#head * COMPLETION_DWORDS + 3);
    if (((last >>> 16) & 1) !== this.#phase) return -1;
    this.#last = last;
    this.#taken = this.#head;
    if (++this.#head === this.#entries) {
      this.#head = 0;
      this.#phase ^= 1;
    }
    return last & 0xffff;
  }

  /** Status of the entry taken last, with the Do Not Retry bit; 0 when all went well. */
  get status(): number {
    return this.#last >>> 17;
  }

  /** The entry taken last; valid until its place is given back. */
  get completion(): NvmeCompletion {
    const at = this.#taken * COMPLETION_DWORDS;
    const queue = this.#words[at + 2] as number; // within the ring
    return {
      status: this.status & 0x7ff,
      doNotRetry: this.#last >>> 31 === 1,
      result: (this.#words[at] as number) >>> 0,
      queueHead: queue & 0xffff,
      queueId: queue >>> 16,
    };
  }
}
