import type { Handshake } from '../../transport/handshake.js';
import { decodePreface, encodePreface, type Preface, prefaceLength } from './preface.js';

/** The exchange of prefaces on one connection. */
export class PrefaceHandshake implements Handshake {
  readonly greeting: Uint8Array;
  #peer: Preface | undefined;

  constructor(own: Preface) {
    this.greeting = encodePreface(own);
  }

  /** The peer's preface, once the handshake is complete. */
  get peer(): Preface | undefined {
    return this.#peer;
  }

  get attachment(): Uint8Array | undefined {
    return this.#peer?.attachment;
  }

  consume(bytes: Uint8Array): number | undefined {
    const length = prefaceLength(bytes);
    if (length === undefined || length > bytes.length) return undefined;
    this.#peer = decodePreface(bytes.subarray(0, length));
    return length;
  }
}
