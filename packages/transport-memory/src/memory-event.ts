import type { EventSource } from '@vfio-user/core';
import { MemoryDescriptor } from './memory-descriptor.js';
import { MemoryHandle, type MemoryHandles } from './memory-handles.js';

/** An event: what an eventfd is between processes. */
export class MemoryEvent extends MemoryHandle implements EventSource {
  readonly #onSignal: (count: number) => void;

  constructor(onSignal: (count: number) => void, handles: MemoryHandles) {
    super(handles);
    this.#onSignal = onSignal;
  }

  descriptor(): MemoryDescriptor {
    return new MemoryDescriptor(this, this.handles);
  }

  deliver(count: number): void {
    if (!this.closed) this.#onSignal(count);
  }
}
