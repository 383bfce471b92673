import type { Dma, Iova } from '@vfio-user/core';
import type { PlacedCompletions } from './placed-completions.js';
import { Ring } from './ring.js';

/** Bytes of a completion queue entry. */
export const COMPLETION_BYTES = 16;

/** Most entries that are sent together. */
const MAX_GATHERED = 64;

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
  /** Entries to be sent; given away while they are under way. */
  #gathered: DataView | undefined;
  #gatheredCount = 0;

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

  /** Write an entry into a mapped ring, all but the phase tag, which the host polls. */
  place(completion: Completion, entries: DataView, placed: PlacedCompletions): void {
    const at = this.#tail * COMPLETION_BYTES;
    entries.setUint32(at, completion.result, true);
    entries.setUint32(at + 4, 0, true);
    entries.setUint32(at + 8, (completion.queueId << 16) | completion.queueHead, true);
    placed.add(entries, at + 12, this.#lastDword(completion));
    this.#advance();
  }

  /**
   * The same for a ring reached by messages: the entry leaves with {@link send}.
   * @returns whether that must be now, as the next entry has no place behind it.
   */
  gather(completion: Completion): boolean {
    this.#gathered ??= new DataView(new ArrayBuffer(MAX_GATHERED * COMPLETION_BYTES));
    const entry = this.#gathered;
    const at = this.#gatheredCount++ * COMPLETION_BYTES;
    entry.setUint32(at, completion.result, true);
    entry.setUint32(at + 8, (completion.queueId << 16) | completion.queueHead, true);
    entry.setUint32(at + 12, this.#lastDword(completion), true);
    this.#advance();
    return this.#tail === 0 || this.#gatheredCount === MAX_GATHERED;
  }

  /** Send the entries gathered. @throws {DmaFaultError} */
  send(): Promise<void> | undefined {
    const gathered = this.#gathered;
    const count = this.#gatheredCount;
    if (gathered === undefined || count === 0) return undefined;
    this.#gatheredCount = 0;
    const last = this.#tail === 0 ? this.ring.entryCount : this.#tail;
    const bytes = new Uint8Array(gathered.buffer, 0, count * COMPLETION_BYTES);
    const writing = this.ring.range.write(bytes, (last - count) * COMPLETION_BYTES, 'posted');
    if (writing !== undefined) this.#gathered = undefined;
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
