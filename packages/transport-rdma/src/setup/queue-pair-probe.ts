import type { FrameSink } from '@vfio-user/core';
import { HELLO } from '../endpoint/flags.js';
import type { QueuePairEnd, QueuePairEvents } from '../endpoint/queue-pair-end.js';
import type { PeerSetup } from './records.js';

/** Parts of a {@link QueuePairProbe}. */
export interface QueuePairProbeParts {
  readonly endpoint: QueuePairEnd;
  readonly peer: PeerSetup;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** It works. Called synchronously, as the server's next message may already be there. */
  onPassed(): void;
  onFailed(reason: string): void;
  /** The bootstrap connection ended before it was known: there is nothing left to fall back to. */
  onEnded(error: Error | undefined): void;
}

/**
 * A client sends the first message over the queue pair and waits for the server's: a network may
 * carry TCP and not RDMA.
 */
export class QueuePairProbe implements FrameSink, QueuePairEvents {
  readonly #parts: QueuePairProbeParts;
  readonly #timer: NodeJS.Timeout;
  #isOver = false;

  constructor(parts: QueuePairProbeParts) {
    const { timeoutMs, signal } = parts;
    this.#parts = parts;
    this.#timer = setTimeout(() => this.#fail(`${NOTHING_CAME} within ${timeoutMs} ms`), timeoutMs);
    signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  start(): void {
    const { endpoint, peer, signal } = this.#parts;
    try {
      endpoint.join(peer);
      endpoint.start(this);
      endpoint.sends.postNotice(HELLO, true);
      if (signal?.aborted) this.#onAbort();
    } catch (error) {
      this.#fail((error as Error).message);
    }
  }

  onFrame(): void {
    this.#fail('the server speaks on the bootstrap connection');
  }

  onDrain(): void {}

  onClose(error?: Error): void {
    if (this.#end()) this.#parts.onEnded(error);
  }

  onSent(): void {}

  onReceived(_slot: number, _length: number, immediate: number): void {
    if ((immediate & HELLO) !== 0 && this.#end()) this.#parts.onPassed();
  }

  onBatch(): void {}

  onFailed(why: string): void {
    this.#fail(why);
  }

  readonly #onAbort = (): void => this.#fail('the attempt was given up');

  #fail(why: string): void {
    if (this.#end()) this.#parts.onFailed(why);
  }

  /** @returns whether it was still running. */
  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#parts.signal?.removeEventListener('abort', this.#onAbort);
    return true;
  }
}

const NOTHING_CAME =
  'no message came through the queue pair (does a firewall stop UDP port 4791, or do the GIDs belong to different networks?)';
