import { RdmaTransfer } from '../work/rdma-transfer.js';
import type { SendQueue } from '../work/send-queue.js';
import type { Credits } from './credits.js';

/** Parts of an {@link Outbox}. */
export interface OutboxParts {
  readonly queue: SendQueue;
  readonly credits: Credits;
  /** The staging memory, in which messages are assembled. */
  readonly staging: Uint8Array;
  /** Most bytes of a message that the peer has room for. */
  readonly slotBytes: number;
  /** Most bytes of one RDMA READ or WRITE. */
  readonly chunkBytes: number;
}

/** Bytes of frames that wait. */
class Piece {
  readonly bytes: Uint8Array;
  sent: number;

  constructor(bytes: Uint8Array, sent: number) {
    this.bytes = bytes;
    this.sent = sent;
  }
}

/**
 * Everything to be sent, in order: frames, which share messages or take several, and transfers.
 * What has to wait also holds back what follows.
 */
export class Outbox {
  readonly #parts: OutboxParts;
  #waiting: (Piece | RdmaTransfer)[] = [];
  #head = 0;
  #queuedBytes = 0;
  /** Start of the message being assembled, or -1. */
  #place = -1;
  #filled = 0;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
  }

  /** Bytes of frames that could not be put into a message yet. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get empty(): boolean {
    return this.#head === this.#waiting.length && this.#place < 0;
  }

  /** `head` is copied if it cannot leave now, `data` is borrowed. */
  send(head: Uint8Array, data: Uint8Array): void {
    const put = this.#nothingWaits ? this.#put(head, 0) : 0;
    if (put < head.length) this.#wait(head.slice(put), 0);
    const more = this.#nothingWaits ? this.#put(data, 0) : 0;
    if (more < data.length) this.#wait(data, more);
  }

  start(transfer: RdmaTransfer): void {
    if (this.#nothingWaits && this.#post(transfer)) return;
    this.#waiting.push(transfer);
  }

  /** Send the message being assembled. */
  flush(): void {
    if (this.#place < 0) return;
    const { queue, credits } = this.#parts;
    const place = this.#place;
    this.#place = -1;
    queue.postMessage(place, this.#filled, credits.settle());
  }

  /** There may be room again. */
  pump(): void {
    while (this.#head < this.#waiting.length) {
      const next = this.#waiting[this.#head] as Piece | RdmaTransfer;
      if (next instanceof RdmaTransfer) {
        if (!this.#post(next)) break;
      } else {
        const before = next.sent;
        next.sent = this.#put(next.bytes, before);
        this.#queuedBytes -= next.sent - before;
        if (next.sent < next.bytes.length) break;
      }
      this.#head++;
    }
    if (this.#head === this.#waiting.length) {
      this.#waiting = [];
      this.#head = 0;
    }
  }

  /** Fail everything that is not sent. */
  fail(error: Error): void {
    for (const item of this.#waiting.slice(this.#head)) {
      if (item instanceof RdmaTransfer) item.fail(error);
    }
    this.#waiting = [];
    this.#head = 0;
    this.#queuedBytes = 0;
    this.#place = -1;
  }

  get #nothingWaits(): boolean {
    return this.#head === this.#waiting.length;
  }

  #wait(bytes: Uint8Array, sent: number): void {
    this.#waiting.push(new Piece(bytes, sent));
    this.#queuedBytes += bytes.length - sent;
  }

  /**
   * Append the bytes from `from` on to messages.
   * @returns how far that went.
   */
  #put(bytes: Uint8Array, from: number): number {
    const { slotBytes, staging } = this.#parts;
    let at = from;
    while (at < bytes.length && this.#openMessage()) {
      const count = Math.min(bytes.length - at, slotBytes - this.#filled);
      const part = count === bytes.length ? bytes : bytes.subarray(at, at + count);
      staging.set(part, this.#place + this.#filled);
      this.#filled += count;
      at += count;
      if (this.#filled === slotBytes) this.flush();
    }
    return at;
  }

  #openMessage(): boolean {
    if (this.#place >= 0) return true;
    const { queue, credits, slotBytes } = this.#parts;
    const place = credits.none ? -1 : queue.reserve(slotBytes);
    if (place < 0) return false;
    credits.use();
    this.#place = place;
    this.#filled = 0;
    return true;
  }

  /** Post as much of a transfer as there is room for. @returns whether that was all. */
  #post(transfer: RdmaTransfer): boolean {
    this.flush();
    const { queue, chunkBytes } = this.#parts;
    while (transfer.left > 0) {
      const length = Math.min(transfer.left, chunkBytes);
      const place = queue.reserve(length);
      if (place < 0) return false;
      queue.postPart(transfer, place, length);
    }
    return true;
  }
}
