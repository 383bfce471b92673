import { ExtensionCommand } from '../protocol/enums.js';
import type { Peer } from '../session/peer.js';
import type { Notifier } from '../transport/resources.js';

/** A count is 32 bits wide. */
const MAX_COUNT = 0xffff_ffff;

/** Above the largest vector: index and vector make one key. */
const VECTORS_PER_INDEX = 0x1_0000;

/**
 * Sends interrupts as messages where eventfds cannot be passed. They stay behind earlier DMA
 * writes. While the connection is backed up they are counted, as by an eventfd, and sent later.
 */
export class InterruptMessages {
  readonly #peer: Peer;
  readonly #counts = new Map<number, number>();
  /** Open notifiers per vector: two, while one replaces another. */
  readonly #open = new Map<number, number>();
  #backedUp = false;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  /** A notifier for each of `count` vectors of an interrupt index. */
  notifiers(index: number, start: number, count: number): readonly Notifier[] {
    return Array.from({ length: count }, (_, i) => this.#notifier(index, start + i));
  }

  #notifier(index: number, vector: number): Notifier {
    const key = index * VECTORS_PER_INDEX + vector;
    this.#open.set(key, (this.#open.get(key) ?? 0) + 1);
    let open = true;
    return {
      signal: (signals = 1) => {
        if (open) this.#signal(index, vector, signals);
      },
      close: () => {
        if (open) this.#closeOne(key);
        open = false;
      },
    };
  }

  /** A pending count is dropped with the last notifier. */
  #closeOne(key: number): void {
    const left = (this.#open.get(key) ?? 0) - 1;
    if (left > 0) {
      this.#open.set(key, left);
    } else {
      this.#open.delete(key);
      this.#counts.delete(key);
    }
  }

  #signal(index: number, vector: number, count: number): void {
    if (this.#peer.closed) return;
    if (this.#backedUp) {
      const key = index * VECTORS_PER_INDEX + vector;
      this.#counts.set(key, Math.min((this.#counts.get(key) ?? 0) + count, MAX_COUNT));
      return;
    }
    this.#send(index, vector, count);
  }

  #send(index: number, vector: number, count: number): void {
    if (this.#peer.post(ExtensionCommand.INTERRUPT, { index, vector, count })) return;
    this.#backedUp = true;
    void this.#peer.drained().then(() => this.#flush());
  }

  #flush(): void {
    this.#backedUp = false;
    for (const [key, count] of this.#counts) {
      if (this.#backedUp || this.#peer.closed) return;
      this.#counts.delete(key);
      this.#send(Math.floor(key / VECTORS_PER_INDEX), key % VECTORS_PER_INDEX, count);
    }
  }
}
