import type { Link } from './link.js';

const BLOCK_BYTES = 0x1_0000;
/** Data up to this size is copied, larger data goes by reference. */
const COPY_BYTES = 4096;

/**
 * Gathers messages, so that all of one turn are sent together. Small ones are copied into blocks,
 * which are reused once they are sent.
 */
export class LinkWriter {
  readonly #link: Link;
  readonly #onLeft: () => void;
  #block = new Uint8Array(BLOCK_BYTES);
  /** Copied and not yet one of the parts: `[#start, #end)` of the block. */
  #start = 0;
  #end = 0;
  #parts: Uint8Array[] = [];
  #waitingBytes = 0;
  #underWayBytes = 0;
  /** Bytes of each write in flight. */
  readonly #underWay: number[] = [];

  /** @param onLeft called whenever something was sent. */
  constructor(link: Link, onLeft: () => void) {
    this.#link = link;
    this.#onLeft = onLeft;
  }

  /** Bytes not yet sent. */
  get queuedBytes(): number {
    return this.#waitingBytes + this.#underWayBytes;
  }

  /** Queue a message until {@link flush}. */
  append(head: Uint8Array, data: Uint8Array): void {
    this.#copy(head);
    if (data.length <= COPY_BYTES) {
      this.#copy(data);
    } else {
      this.#cut();
      this.#parts.push(data);
    }
    this.#waitingBytes += head.length + data.length;
  }

  /** Send what is queued. */
  flush(): void {
    if (this.#waitingBytes === 0) return;
    this.#cut();
    const parts = this.#parts;
    this.#parts = [];
    this.#underWay.push(this.#waitingBytes);
    this.#underWayBytes += this.#waitingBytes;
    this.#waitingBytes = 0;
    this.#link.write(parts, this.#onWritten);
  }

  readonly #onWritten = (): void => {
    this.#underWayBytes -= this.#underWay.shift() ?? 0;
    if (this.queuedBytes === 0) {
      this.#start = 0;
      this.#end = 0;
    }
    this.#onLeft();
  };

  #copy(bytes: Uint8Array): void {
    if (bytes.length > BLOCK_BYTES - this.#end) {
      this.#cut();
      this.#block = new Uint8Array(Math.max(BLOCK_BYTES, bytes.length));
      this.#start = 0;
      this.#end = 0;
    }
    this.#block.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  #cut(): void {
    if (this.#start === this.#end) return;
    this.#parts.push(this.#block.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }
}
