import { iovaText } from '../address.js';
import { EEXIST } from '../errno.js';
import { RequestRefusedError } from '../errors.js';
import type { MappedMemory } from '../transport/resources.js';
import { DmaMapping, type DmaMappingInit, type MappingRequest } from './mapping.js';
import { PAGE_BYTES, pageOf } from './page.js';

/** Mappings in a block: inserting and removing moves no more than those. */
const MOST_IN_BLOCK = 512;

/** Mappings that follow each other, and where each of them starts. */
interface Block {
  readonly firstPages: number[];
  readonly mappings: DmaMapping[];
}

/** The memory of a range to be mapped. */
export interface MappingSource {
  /** Whether an existing mapping has the same memory. */
  isSame(mapped: MappedMemory | undefined): boolean;
  /** Open the memory. Called only if the range is free. */
  take(): Pick<DmaMappingInit, 'memory' | 'exposed'>;
}

export interface AddedMapping {
  readonly mapping: DmaMapping;
  /** `false`: an identical mapping existed. */
  readonly isNew: boolean;
}

/**
 * The mappings of one client, ordered by address and free of overlap, in blocks. Lookups are a
 * binary search for the block and one within it, with the last hit tried first.
 */
export class MappingTable {
  readonly #blocks: Block[] = [];
  /** First page of each block. */
  readonly #starts: number[] = [];
  #size = 0;
  #last: DmaMapping | undefined;

  get size(): number {
    return this.#size;
  }

  /** The mapping that contains `page`. */
  find(page: number): DmaMapping | undefined {
    const last = this.#last;
    if (last !== undefined && page >= last.firstPage && page < last.firstPage + last.pages) {
      return last;
    }
    const mapping = this.#startingUpTo(page);
    if (mapping === undefined || page >= mapping.firstPage + mapping.pages) return undefined;
    this.#last = mapping;
    return mapping;
  }

  /** A mapping that shares a page with the range, if there is one. */
  overlapping(firstPage: number, pages: number): DmaMapping | undefined {
    const candidate = this.#startingUpTo(firstPage + pages - 1);
    return candidate !== undefined && candidate.firstPage + candidate.pages > firstPage
      ? candidate
      : undefined;
  }

  /**
   * Map a range. An identical mapping is kept.
   * @throws {RequestRefusedError} EEXIST for any other overlap.
   */
  add(request: MappingRequest, memory: MappingSource): AddedMapping {
    const existing = this.overlapping(pageOf(request.address), request.size / PAGE_BYTES);
    if (existing === undefined) {
      const mapping = new DmaMapping({ ...request, ...memory.take() });
      this.#insert(mapping);
      return { mapping, isNew: true };
    }
    if (existing.matches(request) && memory.isSame(existing.memory)) {
      return { mapping: existing, isNew: false };
    }
    const text = `DMA_MAP at ${iovaText(request.address)}: overlaps ${existing}`;
    throw new RequestRefusedError(EEXIST, text);
  }

  remove(mapping: DmaMapping): void {
    const { firstPage } = mapping;
    const block = countUpTo(this.#starts, firstPage) - 1;
    const { firstPages, mappings } = this.#blocks[block] ?? NO_BLOCK;
    const at = countUpTo(firstPages, firstPage) - 1;
    if (mappings[at] !== mapping) return;
    firstPages.splice(at, 1);
    mappings.splice(at, 1);
    this.#size--;
    this.#joinSmall(block);
    mapping.mapped = false;
    if (this.#last === mapping) this.#last = undefined;
  }

  /** A copy, so that the table may change while it is walked. */
  all(): readonly DmaMapping[] {
    return this.#blocks.flatMap(({ mappings }) => mappings);
  }

  /** The last mapping that starts at or before `page`. */
  #startingUpTo(page: number): DmaMapping | undefined {
    const block = this.#blocks[countUpTo(this.#starts, page) - 1];
    return block?.mappings[countUpTo(block.firstPages, page) - 1];
  }

  /** Insert into a free range. */
  #insert(mapping: DmaMapping): void {
    const { firstPage } = mapping;
    if (this.#size === 0) this.#setBlocks(0, 0, [{ firstPages: [], mappings: [] }]);
    const index = Math.max(0, countUpTo(this.#starts, firstPage) - 1);
    const block = this.#blocks[index] as Block;
    const { firstPages, mappings } = block;
    const at = countUpTo(firstPages, firstPage);
    firstPages.splice(at, 0, firstPage);
    mappings.splice(at, 0, mapping);
    this.#size++;
    this.#setBlocks(index, 1, mappings.length > MOST_IN_BLOCK ? halvesOf(block) : [block]);
    mapping.mapped = true;
  }

  /** After a removal: blocks stay so full that there are few of them. */
  #joinSmall(index: number): void {
    const block = this.#blocks[index] as Block;
    const next = this.#blocks[index + 1];
    if (block.mappings.length === 0) {
      this.#setBlocks(index, 1, []);
    } else if (
      next !== undefined &&
      block.mappings.length + next.mappings.length <= MOST_IN_BLOCK / 2
    ) {
      block.firstPages.push(...next.firstPages);
      block.mappings.push(...next.mappings);
      this.#setBlocks(index, 2, [block]);
    } else {
      this.#starts[index] = block.firstPages[0] as number;
    }
  }

  /** Put other blocks in the place of some. */
  #setBlocks(index: number, count: number, blocks: readonly Block[]): void {
    this.#blocks.splice(index, count, ...blocks);
    this.#starts.splice(index, count, ...blocks.map(({ firstPages }) => firstPages[0] ?? 0));
  }
}

const NO_BLOCK: Block = { firstPages: [], mappings: [] };

function halvesOf({ firstPages, mappings }: Block): readonly Block[] {
  const middle = mappings.length >>> 1;
  return [
    { firstPages: firstPages.slice(0, middle), mappings: mappings.slice(0, middle) },
    { firstPages: firstPages.slice(middle), mappings: mappings.slice(middle) },
  ];
}

/** How many of the numbers, which are in order, are at most `page`. */
function countUpTo(pages: readonly number[], page: number): number {
  let low = 0;
  let high = pages.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((pages[middle] as number) <= page) low = middle + 1;
    else high = middle;
  }
  return low;
}
