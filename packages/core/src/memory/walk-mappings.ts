import { advanceIova, type Iova } from '../address.js';
import { checkRights } from './access-faults.js';
import type { DmaMapping } from './mapping.js';
import { offsetInPage, PAGE_BYTES, pageOf } from './page.js';

/** Visits one piece: where it is in its mapping, where in the whole range, and how long it is. */
export type Step = (mapping: DmaMapping, offset: number, done: number, length: number) => void;

/** A range of guest memory, and what is to be done with it. */
export interface AccessedRange {
  readonly iova: Iova;
  readonly length: number;
  readonly writes: boolean;
  readonly reads: boolean;
}

/**
 * Visit the pieces of a range in order. Everything is checked before the first visit, so that a
 * fault leaves no half-done transfer. `at` finds a mapping, or throws.
 */
export function walkMappings(
  at: (iova: Iova, length: number) => DmaMapping,
  { iova, length, writes, reads }: AccessedRange,
  step: Step,
): void {
  const pieces: DmaMapping[] = [];
  let mapping = at(iova, length);
  let done = mapping.size - offsetOf(mapping, iova);
  checkRights(mapping, iova, writes, reads);
  pieces.push(mapping);
  while (done < length) {
    const address = advanceIova(iova, done);
    mapping = at(address, 0);
    checkRights(mapping, address, writes, reads);
    pieces.push(mapping);
    done += mapping.size;
  }
  done = 0;
  for (const piece of pieces) {
    const offset = done === 0 ? offsetOf(piece, iova) : 0;
    const part = Math.min(piece.size - offset, length - done);
    step(piece, offset, done, part);
    done += part;
  }
}

/** How far an address is from the start of its mapping, bytes. */
export function offsetOf(mapping: DmaMapping, iova: Iova): number {
  return (pageOf(iova) - mapping.firstPage) * PAGE_BYTES + offsetInPage(iova);
}
