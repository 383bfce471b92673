import { iovaText } from '../address.js';
import { EEXIST } from '../errno.js';
import { RequestRefusedError } from '../errors.js';
import type { MappedMemory } from '../transport/resources.js';
import type { DmaMapping, MappingRequest } from './mapping.js';
import { PAGE_BYTES, pageOf } from './page.js';

const INITIAL_CAPACITY = 64;

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
   * The mapping that is there already, exactly as it is asked for now; `undefined` where the range
   * is free.
   * @param sameMemory whether a mapping's memory is the one that is asked for.
   * @throws {RequestRefusedError} EEXIST when it overlaps in any other way.
   */
  identical(
    request: MappingRequest,
    sameMemory: (memory: MappedMemory | undefined) => boolean,
  ): DmaMapping | undefined {
    const existing = this.overlapping(pageOf(request.address), request.size / PAGE_BYTES);
    if (existing === undefined) return undefined;
    if (existing.matches(request) && sameMemory(existing.memory)) return existing;
    throw overlaps(request, existing);
  }

  /** @throws {RequestRefusedError} EEXIST when it overlaps another, also one that is identical. */
  insert(mapping: DmaMapping): void {
    const existing = this.overlapping(mapping.firstPage, mapping.pages);
    if (existing !== undefined) throw overlaps(mapping, existing);
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
  }

  remove(mapping: DmaMapping): void {
    const at = this.#countUpTo(mapping.firstPage) - 1;
    if (this.#mappings[at] !== mapping) return;
    this.#firstPages.copyWithin(at, at + 1, this.#mappings.length);
    this.#mappings.splice(at, 1);
    if (this.#last === mapping) this.#last = undefined;
  }

  /** A copy, so that the table may change while it is walked. */
  all(): readonly DmaMapping[] {
    return [...this.#mappings];
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

function overlaps(request: MappingRequest, existing: DmaMapping): RequestRefusedError {
  const text = `DMA_MAP at ${iovaText(request.address)}: overlaps ${existing}`;
  return new RequestRefusedError(EEXIST, text);
}
