import type { Dma, Iova } from '@vfio-user/core';
import { Ring } from './ring.js';

/** Bytes of a completion queue entry. */
export const COMPLETION_BYTES = 16;

/** Parameters of a completion queue. */
export interface CompletionQueueInit {
  readonly id: number;
  readonly base: Iova;
  readonly entryCount: number;
  readonly interruptVector: number;
  readonly interruptsEnabled: boolean;
}

/** A completion to post. */
export interface Completion {
  readonly queueId: number;
  /** SQ head: the submission queue entries before it are free again. */
  readonly queueHead: number;
  readonly commandId: number;
  readonly status: number;
  readonly result: number;
}

/** The controller's end of a completion queue. */
export class CompletionQueue {
  readonly id: number;
  readonly ring: Ring;
  readonly interruptVector: number;
  readonly interruptsEnabled: boolean;
  /** Submission queues that use it. */
  users = 0;
  /** Entries reserved for commands in flight. */
  reserved = 0;
  /** Entries were posted that no interrupt has announced yet. */
  needsInterrupt = false;
  #head = 0;
  #tail = 0;
  #phase = 1;
  /** For entries that are sent; given away while one is under way. */
  #sent: DataView | undefined;

  /** @throws {DmaFaultError} when it is not in guest memory. */
  constructor(dma: Dma, init: CompletionQueueInit) {
    this.id = init.id;
    this.ring = new Ring(dma, { ...init, entryBytes: COMPLETION_BYTES, access: 'write' });
    this.interruptVector = init.interruptVector;
    this.interruptsEnabled = init.interruptsEnabled;
  }

  /** Value of the head doorbell. */
  get head(): number {
    return this.#head;
  }

  /** Entries that the host has not acknowledged. */
  get outstanding(): number {
    const distance = this.#tail - this.#head;
    return distance < 0 ? distance + this.ring.entryCount : distance;
  }

  /** Entries that may still be reserved; one always stays empty. */
  get free(): number {
    return this.ring.entryCount - 1 - this.outstanding - this.reserved;
  }

  /** The head doorbell was written. False when the value is invalid. */
  acknowledge(head: number): boolean {
    if (head >= this.ring.entryCount) return false;
    const distance = head - this.#head;
    const count = distance < 0 ? distance + this.ring.entryCount : distance;
    if (count > this.outstanding) return false;
    this.#head = head;
    return true;
  }

  /** Write an entry into a mapped ring; the phase tag last, as the host polls it. */
  post(completion: Completion, entries: DataView): void {
    const at = this.#tail * COMPLETION_BYTES;
    entries.setUint32(at, completion.result, true);
    entries.setUint32(at + 4, 0, true);
    entries.setUint32(at + 8, (completion.queueId << 16) | completion.queueHead, true);
    storeFence();
    entries.setUint32(at + 12, this.#lastDword(completion), true);
    this.#advance();
  }

  /** The same for a ring reached by messages. @throws {DmaFaultError} */
  send(completion: Completion): Promise<void> | undefined {
    const entry = this.#sent ?? new DataView(new ArrayBuffer(COMPLETION_BYTES));
    entry.setUint32(0, completion.result, true);
    entry.setUint32(8, (completion.queueId << 16) | completion.queueHead, true);
    entry.setUint32(12, this.#lastDword(completion), true);
    const offset = this.#tail * COMPLETION_BYTES;
    this.#advance();
    const writing = this.ring.range.write(new Uint8Array(entry.buffer), offset, 'posted');
    this.#sent = writing === undefined ? entry : undefined;
    return writing;
  }

  #lastDword({ commandId, status }: Completion): number {
    return commandId | (this.#phase << 16) | (status << 17);
  }

  #advance(): void {
    if (++this.#tail === this.ring.entryCount) {
      this.#tail = 0;
      this.#phase ^= 1;
    }
  }
}

const word = new Int32Array(1);

/** A store fence: stores before it become visible before those after it. */
function storeFence(): void {
  Atomics.add(word, 0, 1);
}
