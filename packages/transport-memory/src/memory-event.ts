import type { EventSource } from '@vfio-user/core';
import { MemoryDescriptor } from './memory-descriptor.js';
import type { MemoryHandles } from './memory-handles.js';

/** An event: what an eventfd is between processes. */
export class MemoryEvent implements EventSource {
  readonly #onSignal: (count: number) => void;
  readonly #handles: MemoryHandles;
  readonly #release: () => void;
  #closed = false;

  constructor(onSignal: (count: number) => void, handles: MemoryHandles) {
    this.#onSignal = onSignal;
    this.#handles = handles;
    this.#release = handles.take();
  }

  descriptor(): MemoryDescriptor {
    return new MemoryDescriptor(this, this.#handles);
  }

  deliver(count: number): void {
    if (!this.#closed) this.#onSignal(count);
  }

  close(): void {
    this.#closed = true;
    this.#release();
  }
}
