import type { Frame, Framing } from '@vfio-user/core';
import { FrameAssembler } from '@vfio-user/core/transport';
import type { Endpoint } from '../endpoint/endpoint.js';
import type { Credits } from './credits.js';

/** A message that was received: where, and how long it is. */
interface Received {
  readonly slot: number;
  readonly length: number;
}

/** Messages that were received, cut into frames. Slots are the peer's again once they are read. */
export class Inbox {
  readonly #endpoint: Endpoint;
  readonly #credits: Credits;
  readonly #slotBytes: number;
  readonly #assembler: FrameAssembler;
  #messages: Received[] = [];
  #head = 0;
  /** Bytes of the first message that were read. */
  #read = 0;

  constructor(
    endpoint: Endpoint,
    credits: Credits,
    framing: Framing,
    limits: { readonly slotBytes: number; readonly maxFrameBytes: number },
  ) {
    this.#endpoint = endpoint;
    this.#credits = credits;
    this.#slotBytes = limits.slotBytes;
    this.#assembler = new FrameAssembler(framing, {
      maxFrameBytes: limits.maxFrameBytes,
      maxDescriptors: 0,
    });
  }

  /** Everything received was handed out, or is the beginning of a frame. */
  get empty(): boolean {
    return this.#head === this.#messages.length;
  }

  /** Bytes since the beginning. */
  get receivedBytes(): number {
    return this.#assembler.receivedBytes;
  }

  /** Bytes of a frame whose rest is missing. */
  get pendingBytes(): number {
    return this.#assembler.pendingBytes;
  }

  add(slot: number, length: number): void {
    this.#messages.push({ slot, length });
  }

  /**
   * The next frame, valid until the next call; `undefined` when there is none.
   * @throws {ProtocolViolationError} when what was received is none.
   */
  next(): Frame | undefined {
    for (;;) {
      const frame = this.#assembler.next();
      if (frame !== undefined || this.empty) return frame;
      this.#readMore();
    }
  }

  #readMore(): void {
    const { slot, length } = this.#messages[this.#head] as Received;
    const assembler = this.#assembler;
    assembler.reserve();
    const count = Math.min(assembler.space, length - this.#read);
    const from = slot * this.#slotBytes + this.#read;
    assembler.bytes.set(this.#endpoint.slots.bytes.subarray(from, from + count), assembler.end);
    assembler.commit(count);
    this.#read += count;
    if (this.#read === length) this.#finishMessage(slot);
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
