import { VfioUserError } from '../errors.js';
import type { FrameAssembler } from './frame-assembler.js';
import type { Handshake } from './handshake.js';
import type { FrameSink } from './transport.js';

/** How a connection is opened. */
export interface Opening {
  readonly handshake?: Handshake | undefined;
  /** Time limit of the peer's part of the handshake, ms. */
  readonly handshakeTimeoutMs: number;
  /**
   * The handshake is complete, or there is none.
   * @returns the sink of the frames.
   */
  ready(): FrameSink;
  /** The connection ended before that. */
  failed(error: Error): void;
}

/** A connection from its first byte to its first frame. */
export class OpeningPhase {
  readonly #peer: string;
  readonly #opening: Opening;
  #timer: NodeJS.Timeout | undefined;
  #over = false;

  /** @param onTimeout ends the connection. */
  constructor(peer: string, opening: Opening, onTimeout: (error: Error) => void) {
    this.#peer = peer;
    this.#opening = opening;
    const { handshake, handshakeTimeoutMs: limitMs } = opening;
    if (handshake === undefined) return;
    this.#timer = setTimeout(() => {
      const text = `${peer} did not complete its greeting within ${limitMs} ms`;
      onTimeout(new VfioUserError('VFU_TIMEOUT', text));
    }, limitMs);
  }

  /** What is sent first, if anything. */
  get greeting(): Uint8Array | undefined {
    const { handshake } = this.#opening;
    return handshake?.greeting.length === 0 ? undefined : handshake?.greeting;
  }

  /**
   * Process what was received, and answer it.
   * @returns the sink once frames begin.
   */
  advance(
    assembler: Pick<FrameAssembler, 'consumeHandshake'>,
    send: (answer: Uint8Array) => void,
  ): FrameSink | undefined {
    const { handshake } = this.#opening;
    if (handshake !== undefined) {
      const isComplete = assembler.consumeHandshake(handshake);
      const answer = handshake.takeAnswer?.();
      if (answer !== undefined) send(answer);
      if (!isComplete) return undefined;
    }
    clearTimeout(this.#timer);
    this.#over = true;
    return this.#opening.ready();
  }

  /** The connection has ended. A sink that was already returned hears of it from the connection. */
  fail(error: Error | undefined): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#opening.handshake?.abandoned?.();
    const text = `${this.#peer} closed the connection before its greeting was complete`;
    this.#opening.failed(error ?? new VfioUserError('VFU_PEER_CLOSED', text));
  }
}
