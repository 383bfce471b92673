import type { Iova } from '../address.js';
import type { PushedRing, PushRings } from '../device/dma.js';
import type { PushedMemory, PushRule } from '../protocol/messages.js';
import type { PushCache } from './push-cache.js';

/** Sends the rules to a client that keeps them. */
export type RuleSender = (rules: readonly PushRule[]) => void;

/**
 * The device's push rules: sends them to the client, and accepts only pushed data that a rule asks
 * for.
 */
export class PushRuleTable implements PushRings {
  readonly #pushed: PushCache;
  readonly #rules = new Map<number, PushRule>();
  #nextId = 1;
  #send: RuleSender | undefined;
  #sending = false;

  constructor(pushed: PushCache) {
    this.#pushed = pushed;
  }

  add(ring: PushedRing): () => void {
    const { region, offset, size, address, entryBytes, entries } = ring;
    const id = this.#nextId++;
    this.#rules.set(id, {
      id,
      region,
      offset,
      size,
      ring: { address, entryBytes, entries, tail: 0 },
    });
    // Drop data of an earlier ring at the same address.
    this.#pushed.drop(address, entryBytes * entries);
    this.#changed();
    return () => {
      if (!this.#rules.delete(id)) return;
      this.#pushed.drop(address, entryBytes * entries);
      this.#changed();
    };
  }

  /** A client that supports push rules has connected, or with `undefined` gone. */
  connect(send: RuleSender | undefined): void {
    this.#send = send;
    if (send === undefined) this.#pushed.clear();
    else if (this.#rules.size > 0) this.#changed();
  }

  /** Keep pushed data that a rule asks for. */
  take(ranges: readonly PushedMemory[]): void {
    for (const { address, data } of ranges) {
      if (this.#isAskedFor(address, data.length)) this.#pushed.put(address, data);
    }
  }

  #isAskedFor(address: Iova, length: number): boolean {
    for (const { ring } of this.#rules.values()) {
      if (typeof address !== 'number' || typeof ring.address !== 'number') continue;
      const end = ring.address + ring.entryBytes * ring.entries;
      if (address >= ring.address && address + length <= end) return true;
    }
    return false;
  }

  /** Queues are often created and deleted several at a time: send the rules once a turn. */
  #changed(): void {
    if (this.#send === undefined || this.#sending) return;
    this.#sending = true;
    queueMicrotask(() => {
      this.#sending = false;
      this.#send?.([...this.#rules.values()]);
    });
  }
}
