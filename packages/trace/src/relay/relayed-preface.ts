import type { Handshake } from '@vfio-user/core';
import { prefaceLength, withoutAttachment } from '@vfio-user/core/internal';

/** Receives the preface of one side, to be sent to the other. */
export class RelayedPreface implements Handshake {
  readonly greeting: Uint8Array;
  readonly #onReceived: (preface: Uint8Array) => void;
  /** The peer's preface for the other side, once the handshake is complete. */
  received: Uint8Array | undefined;

  /**
   * @param greeting what is said here, where it is known already.
   * @param onReceived gets what the peer says, before its first frame is delivered.
   */
  constructor(
    greeting: Uint8Array = new Uint8Array(0),
    onReceived: (preface: Uint8Array) => void = () => {},
  ) {
    this.greeting = greeting;
    this.#onReceived = onReceived;
  }

  consume(bytes: Uint8Array): number | undefined {
    const length = prefaceLength(bytes);
    if (length === undefined || length > bytes.length) return undefined;
    this.received = withoutAttachment(Uint8Array.from(bytes.subarray(0, length)));
    this.#onReceived(this.received);
    return length;
  }
}
