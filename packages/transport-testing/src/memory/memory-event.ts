import type { EventSource, Notifier } from '@vfio-user/core';
import type { Channel } from './channel.js';
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

/** Signals through the channel that carries the frames: nothing overtakes anything. */
export class OrderedNotifier implements Notifier {
  readonly #event: MemoryEvent;
  readonly #channel: Channel;
  readonly #release: () => void;
  #closed = false;

  constructor(event: MemoryEvent, channel: Channel, handles: MemoryHandles) {
    this.#event = event;
    this.#channel = channel;
    this.#release = handles.take();
  }

  signal(count = 1): void {
    if (!this.#closed) this.#channel.pushSignal(this.#event, count);
  }

  close(): void {
    this.#closed = true;
    this.#release();
  }
}

/**
 * Signals beside the frames, as an eventfd does beside a socket, and always ahead of those still
 * under way: the worst case of what a session must cope with there.
 */
export class OvertakingNotifier implements Notifier {
  readonly #event: MemoryEvent;
  readonly #release: () => void;
  #closed = false;
  #count = 0;

  constructor(event: MemoryEvent, handles: MemoryHandles) {
    this.#event = event;
    this.#release = handles.take();
  }

  signal(count = 1): void {
    if (this.#closed) return;
    this.#count += count;
    if (this.#count > count) return;
    queueMicrotask(() => {
      const signals = this.#count;
      this.#count = 0;
      this.#event.deliver(signals);
    });
  }

  close(): void {
    this.#closed = true;
    this.#release();
  }
}
