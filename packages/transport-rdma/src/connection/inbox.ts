import type { FrameAssembler } from '@vfio-user/core/transport';
import type { QueuePairEnd } from '../endpoint/queue-pair-end.js';
import type { Credits } from './credits.js';

/** A received message. */
interface ReceivedMessage {
  readonly slot: number;
  readonly length: number;
}

/** Received messages, in order. A slot is posted again once it is read. */
export class Inbox {
  readonly #endpoint: QueuePairEnd;
  readonly #credits: Credits;
  readonly #slotBytes: number;
  #messages: ReceivedMessage[] = [];
  #head = 0;
  /** Bytes of the first message that were read. */
  #read = 0;

  constructor(endpoint: QueuePairEnd, credits: Credits, slotBytes: number) {
    this.#endpoint = endpoint;
    this.#credits = credits;
    this.#slotBytes = slotBytes;
  }

  add(slot: number, length: number): void {
    this.#messages.push({ slot, length });
  }

  /**
   * Copy as much of the first message as there is room for.
   * @returns whether there was one.
   */
  read(assembler: FrameAssembler): boolean {
    const message = this.#messages[this.#head];
    if (message === undefined) return false;
    const { slot, length } = message;
    assembler.reserve();
    const count = Math.min(assembler.space, length - this.#read);
    const from = slot * this.#slotBytes + this.#read;
    assembler.bytes.set(this.#endpoint.slots.bytes.subarray(from, from + count), assembler.end);
    assembler.commit(count);
    this.#read += count;
    if (this.#read === length) this.#finishMessage(slot);
    return true;
  }

  #finishMessage(slot: number): void {
    this.#read = 0;
    this.#head++;
    if (this.#head === this.#messages.length) {
      this.#messages = [];
      this.#head = 0;
    }
    this.#endpoint.post(slot);
    this.#credits.owe();
  }
}
