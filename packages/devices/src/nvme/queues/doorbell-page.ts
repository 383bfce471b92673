import type { DeviceMemory } from '@vfio-user/core';
import { DOORBELLS_OFFSET, DOORBELLS_SIZE } from '../registers.js';
import type { Doorbells } from './doorbells.js';
import type { QueueSet } from './queue-set.js';

/**
 * Doorbells as memory that the client may map. Its stores are not announced, so the page is polled. Words are
 * little-endian, as is every host that maps device memory.
 */
export class DoorbellPage {
  readonly #words: Int32Array;
  readonly #seen = new Int32Array(DOORBELLS_SIZE / 4);
  readonly #queues: QueueSet;
  readonly #doorbells: Doorbells;

  constructor(memory: DeviceMemory, queues: QueueSet, doorbells: Doorbells) {
    const { buffer, byteOffset } = memory.bytes;
    this.#words = new Int32Array(buffer, byteOffset + DOORBELLS_OFFSET, DOORBELLS_SIZE / 4);
    this.#queues = queues;
    this.#doorbells = doorbells;
  }

  /** Pass on doorbells that changed. True when there were any. */
  poll(): boolean {
    let hasChanged = false;
    const { submission, completion } = this.#queues;
    for (let index = 0; index < submission.length; index++) {
      // `!`: below its length, here and in the next loop.
      if (this.#check(submission[index]!.id * 2)) hasChanged = true;
    }
    for (let index = 0; index < completion.length; index++) {
      if (this.#check(completion[index]!.id * 2 + 1)) hasChanged = true;
    }
    return hasChanged;
  }

  read(index: number): number {
    return Atomics.load(this.#words, index) >>> 0;
  }

  /** Store a value that was written by message, as the client may read it through its mapping. */
  store(index: number, value: number): void {
    this.#seen[index] = value;
    Atomics.store(this.#words, index, value | 0);
  }

  /** All doorbells are 0 after a reset. */
  reset(): void {
    this.#words.fill(0);
    this.#seen.fill(0);
  }

  #check(index: number): boolean {
    // Atomic, so that the read is made every time, and before those of the queue behind it.
    const value = Atomics.load(this.#words, index);
    if (value === this.#seen[index]) return false;
    this.#seen[index] = value;
    this.#doorbells.ring(index, value);
    return true;
  }
}
