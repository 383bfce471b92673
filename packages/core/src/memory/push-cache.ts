import type { Iova } from '../address.js';

/** Most bytes of pushed data kept, whatever a client sends. */
const MAX_BYTES = 256 * 1024;

interface Range {
  start: number;
  data: Uint8Array;
}

/**
 * Data that the client pushed along with register writes, until the device reads it. Each byte is
 * read once: a second read may have to see newer data, and goes to the client.
 */
export class PushCache {
  readonly #ranges: Range[] = [];
  #bytes = 0;

  /** Keep a copy of `data`, replacing older data at the same addresses. */
  put(address: Iova, data: Uint8Array): void {
    // Addresses of 2^53 and above are legal, but not worth a second code path.
    if (typeof address !== 'number' || data.length === 0) return;
    this.drop(address, data.length);
    const before = this.#ranges.at(-1);
    if (before !== undefined && before.start + before.data.length === address) {
      before.data = Buffer.concat([before.data, data]);
    } else {
      this.#ranges.push({ start: address, data: data.slice() });
    }
    this.#bytes += data.length;
    while (this.#bytes > MAX_BYTES) this.#remove(0);
  }

  /** Take pushed data if all of `target` is there. */
  take(address: Iova, target: Uint8Array): boolean {
    if (typeof address !== 'number') return false;
    for (let at = 0; at < this.#ranges.length; at++) {
      const { start, data } = this.#ranges[at] as Range;
      const offset = address - start;
      if (offset < 0 || offset + target.length > data.length) continue;
      target.set(data.subarray(offset, offset + target.length));
      this.#cut(at, offset, target.length);
      return true;
    }
    return false;
  }

  /** Drop data that was overwritten or unmapped. */
  drop(address: Iova, length: number): void {
    if (typeof address !== 'number' || this.#ranges.length === 0) return;
    for (let at = this.#ranges.length - 1; at >= 0; at--) {
      const { start, data } = this.#ranges[at] as Range;
      const from = Math.max(address, start);
      const to = Math.min(address + length, start + data.length);
      if (from < to) this.#cut(at, from - start, to - from);
    }
  }

  clear(): void {
    this.#ranges.length = 0;
    this.#bytes = 0;
  }

  /** Remove `length` bytes at `offset` from a range; the rest stays. */
  #cut(at: number, offset: number, length: number): void {
    const { start, data } = this.#ranges[at] as Range;
    const end = offset + length;
    const rest: Range[] = [];
    if (offset > 0) rest.push({ start, data: data.subarray(0, offset) });
    if (end < data.length) rest.push({ start: start + end, data: data.subarray(end) });
    this.#ranges.splice(at, 1, ...rest);
    this.#bytes -= length;
  }

  #remove(at: number): void {
    const [range] = this.#ranges.splice(at, 1);
    this.#bytes -= range?.data.length ?? 0;
  }
}
