/** Frames, and bytes of them, after which the peer is told that they were handled. */
const TOLD_FRAMES = 256;
const TOLD_BYTES = 2 ** 19;

/** The peer's frames that were handled, and whether the peer is to be told. */
export class HandledCount {
  #frames = 0;
  /** Frames and bytes handled since the peer was last told. */
  #untoldFrames = 0;
  #untoldBytes = 0;

  /** Number of frames since the session began. */
  get frames(): number {
    return this.#frames;
  }

  add(bytes: number): void {
    this.#frames++;
    this.#untoldFrames++;
    this.#untoldBytes += bytes;
  }

  /** Whether the peer is to be told now. */
  get isDue(): boolean {
    return this.#untoldFrames >= TOLD_FRAMES || this.#untoldBytes >= TOLD_BYTES;
  }

  /** The peer was told. */
  told(): void {
    this.#untoldFrames = 0;
    this.#untoldBytes = 0;
  }
}
