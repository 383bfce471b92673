import { iovaText } from '../address.js';
import { EEXIST } from '../errno.js';
import { RequestRefusedError } from '../errors.js';
import type { MappedMemory } from '../transport/resources.js';
import { DmaMapping, type DmaMappingInit, type MappingRequest } from './mapping.js';
import { PAGE_BYTES, pageOf } from './page.js';

const INITIAL_CAPACITY = 64;

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
 * The mappings of one client, ordered by address and free of overlap. Lookups are a binary search
 * over a flat array with the last hit tried first; inserting moves the tail of two arrays, which
 * stays cheap at the specification's 65,535 mappings.
 */
export class MappingTable {
  #firstPages = new Float64Array(INITIAL_CAPACITY);
  #mappings: DmaMapping[] = [];
  #last: DmaMapping | undefined;

  get size(): number {
    return this.#mappings.length;
  }

  /** The mapping that contains `page`. */
  find(page: number): DmaMapping | undefined {
    const last = this.#last;
    if (last !== undefined && page >= last.firstPage && page < last.firstPage + last.pages) {
      return last;
    }
    const mapping = this.#mappings[this.#countUpTo(page) - 1];
    if (mapping === undefined || page >= mapping.firstPage + mapping.pages) return undefined;
    this.#last = mapping;
    return mapping;
  }

  /** A mapping that shares a page with the range, if there is one. */
  overlapping(firstPage: number, pages: number): DmaMapping | undefined {
    const candidate = this.#mappings[this.#countUpTo(firstPage + pages - 1) - 1];
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
    const at = this.#countUpTo(mapping.firstPage) - 1;
    if (this.#mappings[at] !== mapping) return;
    this.#firstPages.copyWithin(at, at + 1, this.#mappings.length);
    this.#mappings.splice(at, 1);
    mapping.mapped = false;
    if (this.#last === mapping) this.#last = undefined;
  }

  /** A copy, so that the table may change while it is walked. */
  all(): readonly DmaMapping[] {
    return [...this.#mappings];
  }

  /** Insert into a free range. */
  #insert(mapping: DmaMapping): void {
    const count = this.#mappings.length;
    if (count === this.#firstPages.length) {
      const grown = new Float64Array(count * 2);
      grown.set(this.#firstPages);
      this.#firstPages = grown;
    }
    const at = this.#countUpTo(mapping.firstPage);
    this.#firstPages.copyWithin(at + 1, at, count);
    this.#firstPages[at] = mapping.firstPage;
    this.#mappings.splice(at, 0, mapping);
    mapping.mapped = true;
  }

  /** How many mappings start at or before `page`. */
  #countUpTo(page: number): number {
    let low = 0;
    let high = this.#mappings.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#firstPages[middle] as number) <= page) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
