import { NvmeDriver } from '@vfio-user/drivers';
import { WrongDataError } from '../errors.js';

/** Bytes of one command. */
export const BLOCK_BYTES = NvmeDriver.BLOCK_BYTES;
const WORDS = BLOCK_BYTES / 4;

/** What each block of a disk contains: told by its number and by how often it was written. */
export class NvmeBlocks {
  readonly count: number;
  readonly #generations: Uint32Array;

  constructor(count: number) {
    this.count = count;
    this.#generations = new Uint32Array(count);
  }

  /** Put the next content of a block into a page. */
  write(block: number, page: Uint8Array): void {
    const generation = (this.#generations[block] as number) + 1; // below count
    this.#generations[block] = generation;
    const words = wordsOf(page);
    const seed = seedOf(block, generation);
    for (let index = 0; index < WORDS; index++) words[index] = seed ^ index;
  }

  /** Quick: the first and the last word. @throws {WrongDataError} */
  checkEnds(block: number, page: Uint8Array): void {
    const words = wordsOf(page);
    const seed = this.#seed(block);
    if (words[0] !== seed || words[WORDS - 1] !== (seed ^ (WORDS - 1))) throw wrong(block);
  }

  /** Every word. @throws {WrongDataError} */
  check(block: number, page: Uint8Array): void {
    const seed = this.#seed(block);
    if (!wordsOf(page).every((word, index) => word === (seed ^ index))) throw wrong(block);
  }

  #seed(block: number): number {
    return seedOf(block, this.#generations[block] as number); // below count
  }
}

function wordsOf({ buffer, byteOffset }: Uint8Array): Int32Array {
  return new Int32Array(buffer, byteOffset, WORDS);
}

function seedOf(block: number, generation: number): number {
  return Math.imul(block + 1, 0x9e37_79b1) ^ Math.imul(generation, 0x85eb_ca6b);
}

function wrong(block: number): WrongDataError {
  return new WrongDataError(`block ${block} of the disk does not read as it was written`);
}
