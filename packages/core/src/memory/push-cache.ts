import type { Iova } from '../address.js';

/** Most bytes of pushed memory that wait to be read: what a client can make us keep. */
const MAX_BYTES = 256 * 1024;

interface Range {
  start: number;
  data: Uint8Array;
}

/**
 * Client memory that came along with register writes, until the device reads it. Each byte is read
 * once: a second read may have to see something newer, and goes to the client.
 */
export class PushCache {
  readonly #ranges: Range[] = [];
  #bytes = 0;

  /** Keep a copy of `data`. What was kept for the same addresses is older, and goes. */
  put(address: Iova, data: Uint8Array): void {
    // Addresses of 2^53 and above are real to the protocol, but not worth a second code path.
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

  /** Read what was pushed, if all of `target` was; it is gone then. */
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

  /** The memory changed in another way, or is gone. */
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

  /** Take `length` bytes at `offset` out of a range; what lies around them stays. */
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
