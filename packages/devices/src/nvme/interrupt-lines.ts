import type { Interrupts } from '@vfio-user/core';
import type { CompletionQueue } from './queues/completion-queue.js';
import type { QueueSet } from './queues/queue-set.js';

/**
 * How completion queues interrupt: by message, once for a batch of entries, or by the INTx line,
 * which stays up while any entry is unacknowledged (NVM Express 1.4, 7.5).
 */
export class InterruptLines {
  readonly #interrupts: Interrupts;
  readonly #queues: QueueSet;
  readonly #waiting: CompletionQueue[] = [];
  /** INTMS and INTMC: a set bit masks the vector. */
  #mask = 0;
  #level = false;

  constructor(interrupts: Interrupts, queues: QueueSet) {
    this.#interrupts = interrupts;
    this.#queues = queues;
  }

  /** The driver has enabled MSI or MSI-X, and so has a vector for each queue. */
  get areMessages(): boolean {
    const { mode } = this.#interrupts;
    return mode === 'msix' || mode === 'msi';
  }

  get mask(): number {
    return this.#mask;
  }

  setMask(bits: number): void {
    this.#mask = (this.#mask | bits) >>> 0;
    this.update();
  }

  clearMask(bits: number): void {
    this.#mask = (this.#mask & ~bits) >>> 0;
    this.update();
  }

  /** An entry was posted. */
  posted(queue: CompletionQueue): void {
    if (queue.needsInterrupt || !queue.interruptsEnabled) return;
    queue.needsInterrupt = true;
    this.#waiting.push(queue);
  }

  /** Signal everything posted since the last call; false when there was nothing. */
  flush(): boolean {
    if (this.#waiting.length === 0) return false;
    for (const queue of this.#waiting) {
      queue.needsInterrupt = false;
      this.#interrupts.raise(queue.interruptVector);
    }
    this.#waiting.length = 0;
    this.update();
    return true;
  }

  /** Set the INTx line to what the queues and the mask say. */
  update(): void {
    const level = !this.areMessages && this.#queues.completion.some(this.#asserts);
    if (level === this.#level) return;
    this.#level = level;
    this.#interrupts.setIntx(level);
  }

  /** The controller was reset: its queues are gone. */
  reset(): void {
    this.#waiting.length = 0;
    this.#mask = 0;
    this.update();
  }

  readonly #asserts = (queue: CompletionQueue): boolean =>
    queue.interruptsEnabled &&
    queue.outstanding > 0 &&
    // Only the first 32 vectors can be masked.
    (queue.interruptVector > 31 || (this.#mask & (1 << queue.interruptVector)) === 0);
}
