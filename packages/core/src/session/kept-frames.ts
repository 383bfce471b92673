/** Capacity at first, bytes. It doubles as needed. */
const FIRST_BYTES = 0x1_0000;
/** Larger memory is given back as soon as nothing is kept, bytes. */
const IDLE_BYTES = 0x40_0000;
/** Bytes of the length that a frame of the portable encoding begins with. */
const LENGTH_BYTES = 4;

/** Receives a frame in at most two parts, which are valid until the next call of `add`. */
export type FrameVisitor = (first: Uint8Array, second: Uint8Array) => void;

/**
 * Copies of the frames that were sent and that the peer has not handled yet, oldest first. They lie
 * one behind the other in a ring; each begins with its length (portable protocol, "Frames").
 */
export class KeptFrames {
  readonly #maxBytes: number;
  #ring = new Uint8Array(FIRST_BYTES);
  /** Larger memory that was given back, as long as nobody else has it. */
  #spare: WeakRef<Uint8Array<ArrayBuffer>> | undefined;
  #start = 0;
  #bytes = 0;
  #count = 0;
  /** Number of frames that the peer has handled. */
  #handled = 0;
  /** How many of those kept were not sent over this link, the youngest, and the bytes of the rest. */
  #unsent = 0;
  #sentBytes = 0;
  /** Number of frames that were sent over any link. */
  #everSent = 0;

  /** @param maxBytes most bytes that are kept. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes of memory for them. */
  get capacity(): number {
    return this.#ring.length;
  }

  /** Number of frames kept. */
  get count(): number {
    return this.#count;
  }

  /** Number of frames that were not sent over this link. */
  get unsent(): number {
    return this.#unsent;
  }

  /** Number of frames since the session began. */
  get issued(): number {
    return this.#handled + this.#count;
  }

  /**
   * Keep a copy of a frame.
   * @param leaves whether it is sent now; all before it are.
   * @returns `false` if there is no room for it.
   */
  add(head: Uint8Array, data: Uint8Array, leaves = true): boolean {
    const bytes = this.#bytes + head.length + data.length;
    if (bytes > this.#maxBytes) return false;
    if (bytes > this.#ring.length) this.#grow(bytes);
    this.#copy(head, this.#bytes);
    if (data.length > 0) this.#copy(data, this.#bytes + head.length);
    this.#bytes = bytes;
    this.#count++;
    if (leaves) {
      this.#sentBytes = bytes;
      this.#everSent = this.issued;
    } else {
      this.#unsent++;
    }
    return true;
  }

  /**
   * Whether a peer can have handled so many frames: not fewer than before, not more than were sent
   * over any link. It may tell of an earlier one late.
   */
  covers(handled: number): boolean {
    return handled >= this.#handled && handled <= this.#everSent;
  }

  /** The peer has handled so many frames since the session began ({@link covers}): drop those. */
  drop(handled: number): void {
    if (handled === this.issued) {
      if (this.#ring.length > IDLE_BYTES) this.#giveBack();
      this.#start = 0;
      this.#bytes = 0;
      this.#sentBytes = 0;
      this.#count = 0;
      this.#unsent = 0;
      this.#handled = handled;
      return;
    }
    while (this.#handled < handled) {
      const length = this.#lengthAt(this.#start);
      this.#start = (this.#start + length) & (this.#ring.length - 1);
      this.#bytes -= length;
      if (this.#unsent < this.#count) this.#sentBytes -= length;
      else this.#unsent--;
      this.#count--;
      this.#handled++;
    }
  }

  /** Another link: nothing was sent over it. */
  rewind(): void {
    this.#unsent = this.#count;
    this.#sentBytes = 0;
  }

  /** Send those that were not, up to number `upTo` since the session began, oldest first. */
  send(upTo: number, visit: FrameVisitor): void {
    const size = this.#ring.length;
    for (let left = this.#unsent - (this.issued - upTo); left > 0 && this.#unsent > 0; left--) {
      const at = (this.#start + this.#sentBytes) & (size - 1);
      const length = this.#lengthAt(at);
      const end = at + length;
      this.#sentBytes += length;
      this.#unsent--;
      this.#everSent = Math.max(this.#everSent, this.issued - this.#unsent);
      visit(this.#ring.subarray(at, end), this.#ring.subarray(0, Math.max(0, end - size)));
    }
  }

  /** Drop everything, the memory included. */
  clear(): void {
    this.#ring = new Uint8Array(0);
    this.#spare = undefined;
    this.#start = 0;
    this.#bytes = 0;
    this.#sentBytes = 0;
    this.#count = 0;
    this.#unsent = 0;
  }

  #lengthAt(start: number): number {
    let length = 0;
    for (let i = LENGTH_BYTES - 1; i >= 0; i--) {
      length = length * 0x100 + (this.#ring[(start + i) & (this.#ring.length - 1)] as number);
    }
    return length;
  }

  /** Copy to `offset` behind the oldest byte. */
  #copy(source: Uint8Array, offset: number): void {
    const size = this.#ring.length;
    const at = (this.#start + offset) & (size - 1);
    const room = size - at;
    if (source.length <= room) {
      this.#ring.set(source, at);
    } else {
      this.#ring.set(source.subarray(0, room), at);
      this.#ring.set(source.subarray(room), 0);
    }
  }

  /** To the garbage collector. Until it runs, the pages are there for the next burst. */
  #giveBack(): void {
    this.#spare = new WeakRef(this.#ring);
    this.#ring = new Uint8Array(FIRST_BYTES);
  }

  #larger(bytes: number): Uint8Array<ArrayBuffer> {
    const spare = this.#spare?.deref();
    this.#spare = undefined;
    if (spare !== undefined && spare.length >= bytes) return spare;
    let size = Math.max(FIRST_BYTES, this.#ring.length);
    while (size < bytes) size *= 2;
    return new Uint8Array(size);
  }

  #grow(bytes: number): void {
    const old = this.#ring;
    const end = this.#start + this.#bytes;
    const ring = this.#larger(bytes);
    ring.set(old.subarray(this.#start, end));
    if (end > old.length) ring.set(old.subarray(0, end - old.length), old.length - this.#start);
    this.#ring = ring;
    this.#start = 0;
  }
}
