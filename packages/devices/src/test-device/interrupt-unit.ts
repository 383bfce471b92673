import type { Interrupts } from '@vfio-user/core';

/** Signals vectors in whichever way the driver chose, and keeps the status that INTx needs. */
export class InterruptUnit {
  readonly #interrupts: Interrupts;
  readonly #vectors: number;
  #status = 0;

  constructor(interrupts: Interrupts, vectors: number) {
    this.#interrupts = interrupts;
    this.#vectors = vectors;
  }

  /** Bit v: vector v was signalled and not acknowledged. */
  get status(): number {
    return this.#status;
  }

  /** Vectors the device does not have are ignored: drivers use that for "no interrupt". */
  signal(vector: number): void {
    if (vector >= this.#vectors) return;
    if (vector < 32) this.#status = (this.#status | (1 << vector)) >>> 0;
    const { mode } = this.#interrupts;
    if (mode === 'msix' || mode === 'msi') this.#interrupts.raise(vector);
    else this.#interrupts.setIntx(this.#status !== 0);
  }

  acknowledge(bits: number): void {
    this.#status = (this.#status & ~bits) >>> 0;
    if (this.#status === 0) this.#interrupts.setIntx(false);
  }

  /** Tell the client of an unrecoverable error. */
  reportError(): void {
    this.#interrupts.raiseError();
  }

  requestRelease(): void {
    this.#interrupts.requestRelease();
  }
}
