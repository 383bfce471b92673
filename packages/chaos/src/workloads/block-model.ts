import type { Tally } from './tally.js';

/** Words in front of a block's random content: its number, and how often it was written. */
const BLOCK_WORD = 0;
const VERSION_WORD = 1;

/** What each block of a disk must have: zeros, or what was written last. */
export class BlockModel {
  readonly #seed: number;
  readonly #words: number;
  readonly #expected: Uint32Array;
  readonly #versions = new Map<number, number>();

  constructor(seed: number, blockBytes: number) {
    this.#seed = seed;
    this.#words = blockBytes / 4;
    this.#expected = new Uint32Array(this.#words);
  }

  /** The content of the next write of a block. It is valid until the next call. */
  write(block: number): Uint8Array {
    const version = (this.#versions.get(block) ?? 0) + 1;
    this.#versions.set(block, version);
    return bytesOf(this.#content(block, version));
  }

  /** Compare what was read of a block. */
  verify(block: number, content: Uint8Array, tally: Tally): void {
    const version = this.#versions.get(block) ?? 0;
    if (Buffer.compare(bytesOf(this.#content(block, version)), content) === 0) return;
    const words = new DataView(content.buffer, content.byteOffset, content.length);
    const found = words.getUint32(4 * VERSION_WORD, true);
    const isOlder =
      found < version && Buffer.compare(bytesOf(this.#content(block, found)), content) === 0;
    if (isOlder) tally.lost(1, `write ${version} of block ${block}: it has that of write ${found}`);
    else tally.wrong(`block ${block} has not the content of write ${version}`);
  }

  #content(block: number, version: number): Uint32Array {
    if (version === 0) return this.#expected.fill(0);
    // A generator for each would cost more than the write itself.
    const words = this.#expected;
    let state = (this.#seed ^ Math.imul(block, 0x9e37_79b1) ^ Math.imul(version, 0x85eb_ca6b)) | 1;
    for (let i = 0; i < this.#words; i++) {
      state = Math.imul(state, 0x0019_660d) + 0x3c6e_f35f;
      words[i] = state;
    }
    words[BLOCK_WORD] = block;
    words[VERSION_WORD] = version;
    return words;
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
