import type { Notifier } from '@vfio-user/core';
import type { Channel } from './channel.js';
import type { MemoryEvent } from './memory-event.js';
import type { MemoryHandles } from './memory-handles.js';

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
