import type { Handshake } from '@vfio-user/core';
import type { QueuePairEnd } from '../endpoint/queue-pair-end.js';
import {
  decodeRecord,
  encodeRecord,
  offersRdma,
  type PeerSetup,
  type SetupRecord,
} from './records.js';

/** Our queue pair, and the peer's that it is connected to. */
export interface JoinedEnds {
  readonly endpoint: QueuePairEnd;
  readonly peer: PeerSetup;
}

/** The outcome: connected queue pairs, or the reason why there are none. */
export type SetupOutcome = JoinedEnds | { readonly reason: string };

/**
 * The exchange on the bootstrap connection. First the prefaces; if both sides can do RDMA, then an
 * offer of the client and the server's answer. An adapter is touched only once a peer has got that
 * far, behind TLS if there is any.
 */
export abstract class SetupHandshake implements Handshake {
  readonly inner: Handshake;
  readonly #createEndpoint: (() => QueuePairEnd) | undefined;
  #innerBytes: number | undefined;
  #answer: Uint8Array | undefined;
  #endpoint: QueuePairEnd | undefined;
  #outcome: SetupOutcome = { reason: 'the connection has not been set up' };

  /** @param createEndpoint makes an end of ours; absent where this side cannot do RDMA. */
  constructor(inner: Handshake, createEndpoint: (() => QueuePairEnd) | undefined) {
    this.inner = inner;
    this.#createEndpoint = createEndpoint;
  }

  get greeting(): Uint8Array {
    return this.inner.greeting;
  }

  /** Once it is complete. The endpoint is the caller's from then on. */
  get outcome(): SetupOutcome {
    return this.#outcome;
  }

  consume(bytes: Uint8Array): number | undefined {
    if (this.#innerBytes === undefined) {
      const innerBytes = this.inner.consume(bytes);
      if (innerBytes === undefined) return undefined;
      this.#innerBytes = innerBytes;
      if (this.#createEndpoint === undefined) return innerBytes;
      if (!offersRdma(this.inner.attachment)) {
        this.#outcome = { reason: 'the other side does not offer it' };
        return innerBytes;
      }
      this.begin();
    }
    const record = decodeRecord(bytes.subarray(this.#innerBytes));
    if (record === undefined) return undefined;
    this.take(record.value);
    return this.#innerBytes + record.length;
  }

  takeAnswer(): Uint8Array | undefined {
    const preface = this.inner.takeAnswer?.();
    const answer = this.#answer;
    this.#answer = undefined;
    if (preface === undefined || answer === undefined) return preface ?? answer;
    return Buffer.concat([preface, answer]);
  }

  abandoned(): void {
    this.#endpoint?.close();
  }

  /** Both sides support RDMA. */
  protected abstract begin(): void;

  /** The peer's record has come. */
  protected abstract take(record: SetupRecord): void;

  protected answer(record: SetupRecord): void {
    this.#answer = encodeRecord(record);
  }

  /**
   * Creates a queue pair.
   * @throws when the adapter refuses.
   */
  protected createEndpoint(): QueuePairEnd {
    this.#endpoint = this.#createEndpoint?.() as QueuePairEnd;
    return this.#endpoint;
  }

  protected joined(endpoint: QueuePairEnd, peer: PeerSetup): void {
    this.#outcome = { endpoint, peer };
  }

  protected failed(reason: string): void {
    this.#endpoint?.close();
    this.#endpoint = undefined;
    this.#outcome = { reason };
  }
}
