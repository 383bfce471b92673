import type { Acknowledge } from '../protocol/messages.js';
import type { SessionExtensions } from './extensions.js';

/** The receiver acknowledges each time this fraction of the window is used up. */
const ACKNOWLEDGED_PART = 4;

/**
 * Flow control of messages without a reply (posted writes, interrupts, doorbells): the sender stops
 * when a window of them is unacknowledged.
 */
export class OneWayWindow {
  readonly #extensions: SessionExtensions;
  #sent: Acknowledge = { messages: 0, bytes: 0 };
  #acknowledged: Acknowledge = { messages: 0, bytes: 0 };
  #handled: Acknowledge = { messages: 0, bytes: 0 };
  #lastAcknowledged: Acknowledge = { messages: 0, bytes: 0 };

  constructor(extensions: SessionExtensions) {
    this.#extensions = extensions;
  }

  /**
   * A one-way message was sent.
   * @returns whether the window has room for another one.
   */
  send(bytes: number): boolean {
    this.#sent = add(this.#sent, bytes);
    return this.open;
  }

  /** Number of one-way messages sent. */
  get sentMessages(): number {
    return this.#sent.messages;
  }

  /** Number of one-way messages handled. */
  get handledMessages(): number {
    return this.#handled.messages;
  }

  get open(): boolean {
    const { windowMessages, windowBytes } = this.#extensions;
    const messages = this.#sent.messages - this.#acknowledged.messages;
    const unread = this.#sent.bytes - this.#acknowledged.bytes;
    return (
      (windowMessages === 0 || messages < windowMessages) &&
      (windowBytes === 0 || unread < windowBytes)
    );
  }

  /**
   * Handle ACKNOWLEDGE. A value above what was sent is clamped, one below an earlier value is
   * ignored.
   */
  acknowledge({ messages, bytes }: Acknowledge): void {
    const { messages: acknowledged, bytes: acknowledgedBytes } = this.#acknowledged;
    this.#acknowledged = {
      messages: Math.max(acknowledged, Math.min(messages, this.#sent.messages)),
      bytes: Math.max(acknowledgedBytes, Math.min(bytes, this.#sent.bytes)),
    };
  }

  /**
   * A one-way message was handled.
   * @returns the acknowledgement to send, if one is due.
   */
  handle(bytes: number): Acknowledge | undefined {
    this.#handled = add(this.#handled, bytes);
    const { ownWindowMessages, ownWindowBytes } = this.#extensions;
    const due =
      isDue(this.#handled.messages - this.#lastAcknowledged.messages, ownWindowMessages) ||
      isDue(this.#handled.bytes - this.#lastAcknowledged.bytes, ownWindowBytes);
    if (!due) return undefined;
    this.#lastAcknowledged = this.#handled;
    return this.#handled;
  }
}

function add({ messages, bytes }: Acknowledge, more: number): Acknowledge {
  return { messages: messages + 1, bytes: bytes + more };
}

function isDue(used: number, window: number): boolean {
  return window > 0 && used >= window / ACKNOWLEDGED_PART;
}
