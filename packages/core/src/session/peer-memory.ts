import { ProtocolViolationError } from '../errors.js';
import type { ExposedRange } from '../transport/one-sided.js';

/** Most ranges of a peer: as many as the mappings of a client, and some in pieces. */
const MAX_RANGES = 2 ** 17;

/** Where the adapter of the present link finds the peer's memory, by its number in the session. */
export class PeerMemory {
  readonly #ranges = new Map<number, readonly ExposedRange[]>();
  /** Ranges, and memory without any. */
  #count = 0;

  /** The ranges of a memory, `undefined` if the peer does not expose it. */
  rangesOf(memory: number): readonly ExposedRange[] | undefined {
    return this.#ranges.get(memory);
  }

  /** @throws {ProtocolViolationError} when these are too many. */
  expose(memory: number, ranges: readonly ExposedRange[]): void {
    this.withdraw(memory);
    this.#count += 1 + ranges.length;
    if (this.#count > MAX_RANGES) {
      const text = `the peer exposes more memory than in ${MAX_RANGES} pieces`;
      throw new ProtocolViolationError(text);
    }
    this.#ranges.set(memory, ranges);
  }

  withdraw(memory: number): void {
    const ranges = this.#ranges.get(memory);
    if (ranges === undefined) return;
    this.#ranges.delete(memory);
    this.#count -= 1 + ranges.length;
  }

  /** The link is lost. */
  clear(): void {
    this.#ranges.clear();
    this.#count = 0;
  }
}
