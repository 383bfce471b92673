import { randomInt } from 'node:crypto';
import { MAP_FIXED_NOREPLACE, PROT_READ, PROT_WRITE } from './constants.js';
import { libc } from './libc.js';
import type { FileIdentity } from './memory-file.js';

/** The arguments of `mmap`. */
export interface FileRange {
  readonly number: number;
  readonly file: FileIdentity;
  /** Where it starts in the file, and how long it is, bytes: multiples of the page size. */
  readonly offset: number;
  readonly bytes: number;
  readonly pageBytes: number;
  readonly flags: number;
}

/** A range that is mapped. */
export interface PlacedRange {
  readonly address: number;
  readonly bytes: number;
  readonly offset: number;
  readonly file: PlacedFile;
}

/** Where files begin: far from what the kernel chooses by itself, for programs and for the rest. */
const FIRST_START = 0x1000_0000_0000;
const LAST_START = 0x4000_0000_0000;
/** Room for a file behind its start. */
const MOST_FILE_BYTES = 0x1000_0000_0000;
/** Of a huge page, so that the kernel may use them. */
const ALIGNMENT = 0x20_0000;
/** Most starts of one file tried: several where the same part of it is mapped several times. */
const MOST_STARTS = 4;
const UNIT = 4096;
const RANGE_STARTS = 1;
const RANGE_ENDS = 2;

/** The ranges of a file that are mapped as they lie in it, all behind one start. */
class PlacedFile {
  readonly key: string;
  readonly #start: number;
  /** Where ranges start and end. */
  readonly #borders = new Map<number, number>();

  constructor(key: string, start: number) {
    this.key = key;
    this.#start = start;
  }

  get isEmpty(): boolean {
    return this.#borders.size === 0;
  }

  addressOf(offset: number): number {
    return this.#start + offset;
  }

  /** How many ranges begin or end where this one ends or begins. */
  neighbours({ offset, bytes }: Pick<FileRange, 'offset' | 'bytes'>): number {
    const before = (this.#at(offset) & RANGE_ENDS) === 0 ? 0 : 1;
    const after = (this.#at(offset + bytes) & RANGE_STARTS) === 0 ? 0 : 1;
    return before + after;
  }

  add(offset: number, bytes: number): void {
    this.#set(offset, this.#at(offset) | RANGE_STARTS);
    this.#set(offset + bytes, this.#at(offset + bytes) | RANGE_ENDS);
  }

  remove(offset: number, bytes: number): void {
    this.#set(offset, this.#at(offset) & ~RANGE_STARTS);
    this.#set(offset + bytes, this.#at(offset + bytes) & ~RANGE_ENDS);
  }

  #at(offset: number): number {
    return this.#borders.get(offset / UNIT) ?? 0;
  }

  #set(offset: number, border: number): void {
    if (border === 0) this.#borders.delete(offset / UNIT);
    else this.#borders.set(offset / UNIT, border);
  }
}

/**
 * Maps the ranges of a file at the distances that they have in it, in whatever order they come, so
 * that the kernel joins neighbours to one area. Nothing is set aside for ranges to come: the kernel
 * tells when a place is taken, and the range goes elsewhere.
 */
export class Placement {
  readonly #files = new Map<string, readonly PlacedFile[]>();

  /** @returns `undefined` on failure (see `errno`). */
  place(range: FileRange): PlacedRange | undefined {
    const { file, offset, bytes, flags } = range;
    const key = `${file.device}:${file.inode}:${flags}`;
    const known = this.#files.get(key) ?? [];
    let placed = known.find((each) => each.neighbours(range) > 0 && isMapped(each, range));
    placed ??= known.find((each) => each.neighbours(range) === 0 && isMapped(each, range));
    if (placed === undefined) {
      const start = newStart(range);
      if (start === undefined) return undefined;
      placed = new PlacedFile(key, start);
      this.#files.set(key, [...known.slice(0, MOST_STARTS - 1), placed]);
    }
    placed.add(offset, bytes);
    return { address: placed.addressOf(offset), bytes, offset, file: placed };
  }

  /** It is unmapped, or something else is mapped there. */
  forget({ file, offset, bytes }: PlacedRange): void {
    file.remove(offset, bytes);
    if (!file.isEmpty) return;
    const others = this.#files.get(file.key)?.filter((each) => each !== file) ?? [];
    if (others.length === 0) this.#files.delete(file.key);
    else this.#files.set(file.key, others);
  }
}

function isMapped(file: PlacedFile, range: FileRange): boolean {
  return mapAt(file.addressOf(range.offset), range) !== -1;
}

/** Maps a range where the file has not been. @returns where the file would start. */
function newStart(range: FileRange): number | undefined {
  const { offset, bytes, pageBytes } = range;
  if (offset + bytes <= MOST_FILE_BYTES) {
    const step = Math.max(ALIGNMENT, pageBytes);
    const start = randomInt(FIRST_START / step, LAST_START / step) * step;
    if (mapAt(start + offset, range) !== -1) return start;
  }
  const address = mapAt(undefined, range);
  return address === -1 ? undefined : address - offset;
}

/** @returns the address, -1 on failure. */
function mapAt(wanted: number | undefined, { number, offset, bytes, flags }: FileRange): number {
  const how = wanted === undefined ? flags : flags | MAP_FIXED_NOREPLACE;
  const address = libc().mmap(wanted ?? 0, bytes, PROT_READ | PROT_WRITE, how, number, offset);
  if (wanted === undefined || address === wanted || address === -1) return address;
  // Before Linux 4.17 the address is a wish.
  libc().munmap(address, bytes);
  return -1;
}
