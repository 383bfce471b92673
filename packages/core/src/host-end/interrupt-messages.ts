import { ExtensionCommand } from '../protocol/constants.js';
import type { Peer } from '../session/peer.js';
import type { Notifier } from '../transport/resources.js';

/** A count is 32 bits wide. */
const MAX_COUNT = 0xffff_ffff;

/** Vectors of an index fit below this: it makes one key of both. */
const VECTORS_PER_INDEX = 0x1_0000;

/**
 * Interrupts as messages, where no eventfd can be passed. They travel behind the DMA writes issued
 * before them. While the connection is backed up they are counted, as an eventfd would, and sent
 * when there is room: none is lost and nothing grows.
 */
export class InterruptMessages {
  readonly #peer: Peer;
  readonly #counts = new Map<number, number>();
  /** How many notifiers of a vector are open: two, while one takes over from another. */
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

  /** What was counted goes with the last one. */
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
