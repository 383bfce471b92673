import type { Handshake } from '../../transport/handshake.js';
import { decodePreface, encodePreface, type Preface, prefaceLength } from './preface.js';

/** The exchange of prefaces on one connection. */
export class PrefaceHandshake implements Handshake {
  readonly greeting: Uint8Array;
  readonly #answerTo: ((peer: Preface) => Preface) | undefined;
  #own: Preface | undefined;
  #peer: Preface | undefined;
  #answer: Uint8Array | undefined;

  /** @param own this side's preface, or how it follows from the peer's, which then comes first. */
  constructor(own: Preface | ((peer: Preface) => Preface)) {
    if (typeof own === 'function') {
      this.greeting = new Uint8Array(0);
      this.#answerTo = own;
    } else {
      this.greeting = encodePreface(own);
      this.#own = own;
    }
  }

  /** This side's preface, once the handshake is complete. */
  get own(): Preface | undefined {
    return this.#own;
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
    if (this.#answerTo !== undefined) {
      this.#own = this.#answerTo(this.#peer);
      this.#answer = encodePreface(this.#own);
    }
    return length;
  }

  takeAnswer(): Uint8Array | undefined {
    const answer = this.#answer;
    this.#answer = undefined;
    return answer;
  }
}
