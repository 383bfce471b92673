import type { Handshake } from '@vfio-user/core';
import { prefaceLength, withoutAttachment } from '@vfio-user/core/internal';

/** Takes what one side says before its first frame, to be said to the other. */
export class RelayedPreface implements Handshake {
  readonly greeting: Uint8Array;
  readonly #onReceived: (preface: Uint8Array) => void;
  /** What the peer said, for the other side; there once the handshake is complete. */
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
