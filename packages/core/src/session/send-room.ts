import type { OneWayWindow } from './one-way-window.js';

/** Whether more may be sent to a peer: its window and the connection's send queue have room. */
export class SendRoom {
  readonly #window: OneWayWindow;
  /** The connection's send queue is full. */
  #backedUp = false;
  #ended = false;
  #listeners: (() => void)[] = [];

  constructor(window: OneWayWindow) {
    this.#window = window;
  }

  /** The send queue is full. */
  backedUp(): void {
    this.#backedUp = true;
  }

  /** The send queue has room again. */
  drain(): void {
    this.#backedUp = false;
    this.wake();
  }

  /** Resolves when there is room, or after the end. */
  drained(): Promise<void> {
    if (this.#ended || this.#hasRoom) return Promise.resolve();
    return new Promise((resolve) => this.#listeners.push(resolve));
  }

  /** The window may have opened. */
  wake(): void {
    if (this.#listeners.length === 0 || !(this.#ended || this.#hasRoom)) return;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }

  /** The connection has ended. */
  end(): void {
    this.#ended = true;
    this.wake();
  }

  get #hasRoom(): boolean {
    return !this.#backedUp && this.#window.open;
  }
}
