import type { Notifier } from '@vfio-user/core';
import type { Channel } from './channel.js';
import type { MemoryEvent } from './memory-event.js';
import { MemoryHandle, type MemoryHandles } from './memory-handles.js';

/** Signals through the channel that carries the frames: nothing overtakes anything. */
export class OrderedNotifier extends MemoryHandle implements Notifier {
  readonly #event: MemoryEvent;
  readonly #channel: Channel;

  constructor(event: MemoryEvent, channel: Channel, handles: MemoryHandles) {
    super(handles);
    this.#event = event;
    this.#channel = channel;
  }

  signal(count = 1): void {
    if (!this.closed) this.#channel.pushSignal(this.#event, count);
  }
}

/**
 * Signals beside the frames, as an eventfd does beside a socket, and always ahead of those still
 * under way: the worst case of what a session must cope with there.
 */
export class OvertakingNotifier extends MemoryHandle implements Notifier {
  readonly #event: MemoryEvent;
  #count = 0;

  constructor(event: MemoryEvent, handles: MemoryHandles) {
    super(handles);
    this.#event = event;
  }

  signal(count = 1): void {
    if (this.closed) return;
    this.#count += count;
    if (this.#count > count) return;
    queueMicrotask(() => {
      const signals = this.#count;
      this.#count = 0;
      this.#event.deliver(signals);
    });
  }
}
