import { advanceIova, type Iova } from '../address.js';
import type { DmaAccess, DmaRange, WriteOrder } from '../device/dma.js';
import { publishAccess } from '../diagnostics/publish-dma.js';
import { allEnded } from '../run-all.js';
import { checkRights } from './access-faults.js';
import type { DmaMapping } from './mapping.js';
import type { OrderedDma } from './ordered-dma.js';

/** Where ranges are looked up, and how they are accessed. */
export interface RangeSpace {
  readonly access: OrderedDma;
  /** How many mappings have been removed. */
  readonly removals: number;
  /**
   * The mapping that contains `iova`.
   * @throws {DmaFaultError} ENOENT when there is none, or the address space ends before `iova +
   * length`.
   */
  mappingAt(iova: Iova, length: number): DmaMapping;
}

/** The part of a range that lies in one mapping. */
interface Piece {
  readonly mapping: DmaMapping;
  /** Bytes from the start of the mapping. */
  readonly offset: number;
  /** Bytes from the start of the range. */
  readonly start: number;
  readonly length: number;
}

type Transfer = (
  mapping: DmaMapping,
  offset: number,
  bytes: Uint8Array,
) => Promise<void> | undefined;

/**
 * See {@link DmaRange}. Nearly always within one mapping; otherwise it keeps a list of pieces, of
 * which an access touches those that it needs, however many there are.
 */
export class MappedRange implements DmaRange {
  readonly iova: Iova;
  readonly length: number;
  readonly #mode: DmaAccess;
  readonly #space: RangeSpace;
  #mapping: DmaMapping;
  /** Offset of the range in {@link #mapping}, bytes. */
  #offset = 0;
  #pieces: readonly Piece[] | undefined;
  /** Of {@link RangeSpace.removals} when all of the range was found to be mapped. */
  #removals = 0;

  /** @throws {DmaFaultError} */
  constructor(space: RangeSpace, iova: Iova, length: number, mode: DmaAccess) {
    this.#space = space;
    this.iova = iova;
    this.length = length;
    this.#mode = mode;
    this.#mapping = this.#find();
    this.#removals = space.removals;
  }

  get local(): boolean {
    this.#update();
    if (!this.#space.access.fence.open) return false;
    if (this.#pieces === undefined) return this.#mapping.memory !== undefined;
    return this.#pieces.every(({ mapping }) => mapping.memory !== undefined);
  }

  get view(): Uint8Array | undefined {
    this.#update();
    if (this.#pieces !== undefined) return undefined;
    return this.#space.access.view(this.#mapping, this.#offset, this.length, this.#mode);
  }

  read(target: Uint8Array, offset = 0): Promise<void> | undefined {
    if (this.#mode === 'write') throw new TypeError('the range was asked for to be written');
    this.#check(offset, target.length);
    const { access } = this.#space;
    if (this.#pieces === undefined) {
      const at = this.#offset + offset;
      if (access.takePushed(this.#mapping, at, target)) return undefined;
      const moving = access.read(this.#mapping, at, target);
      if (moving === undefined) publishAccess(access.attachment, 'shared', 'read', target.length);
      return moving;
    }
    return this.#byPieces('read', target, offset, (mapping, at, piece) =>
      access.read(mapping, at, piece),
    );
  }

  write(source: Uint8Array, offset = 0, order: WriteOrder = 'strict'): Promise<void> | undefined {
    if (this.#mode === 'read') throw new TypeError('the range was asked for to be read');
    this.#check(offset, source.length);
    const { access } = this.#space;
    if (this.#pieces === undefined) {
      const moving = access.write(this.#mapping, this.#offset + offset, source, order);
      if (moving === undefined && this.#mapping.memory !== undefined) {
        publishAccess(access.attachment, 'shared', 'write', source.length);
      }
      return moving;
    }
    return this.#byPieces('write', source, offset, (mapping, at, piece) =>
      access.write(mapping, at, piece, order),
    );
  }

  #check(offset: number, length: number): void {
    if (!(offset >= 0 && offset + length <= this.length)) {
      throw new RangeError(`${length} bytes at ${offset} of a range of ${this.length} bytes`);
    }
    this.#update();
  }

  /** Look it up again if part of it was unmapped: it may be mapped again. */
  #update(): void {
    const { removals } = this.#space;
    if (removals === this.#removals) return;
    const isGone = this.#pieces?.some(({ mapping }) => !mapping.mapped) ?? !this.#mapping.mapped;
    if (isGone) this.#mapping = this.#find();
    this.#removals = removals;
  }

  /** Checks the whole range before it is accessed, so that a fault leaves no partial transfer. */
  #find(): DmaMapping {
    const { iova, length } = this;
    const writes = this.#mode !== 'read';
    const reads = this.#mode !== 'write';
    const first = this.#space.mappingAt(iova, length);
    const offset = first.offsetOf(iova);
    checkRights(first, iova, writes, reads);
    let start = first.size - offset;
    let pieces: Piece[] | undefined;
    if (start < length) pieces = [{ mapping: first, offset, start: 0, length: start }];
    while (start < length) {
      const address = advanceIova(iova, start);
      const mapping = this.#space.mappingAt(address, 0);
      checkRights(mapping, address, writes, reads);
      const part = Math.min(mapping.size, length - start);
      pieces?.push({ mapping, offset: 0, start, length: part });
      start += part;
    }
    this.#offset = offset;
    this.#pieces = pieces;
    return first;
  }

  #byPieces(
    direction: 'read' | 'write',
    bytes: Uint8Array,
    offset: number,
    transfer: Transfer,
  ): Promise<void> | undefined {
    const under: Promise<void>[] = [];
    let atOnce = 0;
    const pieces = this.#pieces as readonly Piece[];
    const end = offset + bytes.length;
    for (let at = pieceAt(pieces, offset); at < pieces.length; at++) {
      const { mapping, offset: inMapping, start, length } = pieces[at] as Piece;
      const from = Math.max(start, offset);
      const to = Math.min(start + length, end);
      if (from >= to) break;
      try {
        const part = bytes.subarray(from - offset, to - offset);
        const moving = transfer(mapping, inMapping + from - start, part);
        if (moving !== undefined) under.push(moving);
        else if (mapping.memory !== undefined) atOnce += part.length;
      } catch (error) {
        if (under.length === 0) throw error;
        // The buffer is in use until the others have ended.
        under.push(Promise.reject(error));
      }
    }
    if (atOnce > 0) publishAccess(this.#space.access.attachment, 'shared', direction, atOnce);
    return under.length === 0 ? undefined : allEnded(under);
  }
}

/** Index of the piece that contains the byte at `offset` of the range. */
function pieceAt(pieces: readonly Piece[], offset: number): number {
  let low = 0;
  let high = pieces.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((pieces[middle] as Piece).start <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
