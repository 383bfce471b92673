import { type Iova, iovaFromHalves } from '../address.js';
import type { AccessSize, RegisterAccess } from './access.js';
import { type RegisterEntry, type RegisterLayout, refuse } from './register-layout.js';

/** Callbacks of a register; `index` is the element of an array, 0 otherwise. */
export interface RegisterHooks {
  /** Value that a driver reads. Default: the stored value. */
  read?(index: number): number;
  /**
   * Called after a driver's write was stored; `value` is what it wrote, within the mask. Not for
   * 8-byte registers, which are written by halves.
   */
  write?(value: number, index: number): void;
}

/** The registers of one device, made by `RegisterTable.create`. */
export class RegisterFile<Name extends string = string> implements RegisterAccess {
  readonly #layout: RegisterLayout;
  readonly #entries: readonly RegisterEntry[];
  readonly #offsets: Readonly<Record<Name, number>>;
  readonly #hooks: readonly (RegisterHooks | undefined)[];
  readonly #words: Uint32Array;

  constructor(
    layout: RegisterLayout,
    offsets: Readonly<Record<Name, number>>,
    hooks: Partial<Record<Name, RegisterHooks>>,
  ) {
    this.#layout = layout;
    this.#entries = layout.entries;
    this.#offsets = offsets;
    this.#hooks = layout.entries.map((entry) => {
      const given = hooks[entry.name as Name];
      if (given?.write !== undefined && entry.size === 8) {
        refuse(entry, 'has 8 bytes, which are written by halves: no write hook');
      }
      return given;
    });
    this.#words = new Uint32Array(Math.ceil(layout.length / 4));
    this.reset();
  }

  /** The stored value; the low half of an 8-byte register. */
  get(name: Name): number {
    const offset = this.#offsets[name];
    return this.#load(offset, this.#sizeAt(offset));
  }

  /** The stored value of an 8-byte register. */
  getIova(name: Name): Iova {
    const at = this.#offsets[name] >> 2;
    return iovaFromHalves(this.#words[at] as number, this.#words[at + 1] as number);
  }

  /** Store a value, ignoring the mask and hooks. */
  set(name: Name, value: number): void {
    const offset = this.#offsets[name];
    this.#store(offset, this.#sizeAt(offset), value);
  }

  /** Restore all reset values without calling hooks. */
  reset(): void {
    this.#words.fill(0);
    for (const { offset, size, count, stride, reset } of this.#entries) {
      for (let i = 0; i < count; i++) {
        this.#store(offset + i * stride, Math.min(size, 4), reset[0]);
        if (size === 8) this.#store(offset + i * stride + 4, 4, reset[1]);
      }
    }
  }

  read(offset: number, size: AccessSize): number {
    const slot = this.#layout.slotAt(offset);
    const entry = this.#entries[slot];
    // Wider than the register, or outside all of them: read in parts.
    if (entry === undefined || size > entry.size) return this.#readParts(offset, size);
    const index = entry.count === 1 ? 0 : Math.floor((offset - entry.offset) / entry.stride);
    const start = entry.offset + index * entry.stride;
    const value = this.#valueOf(slot, entry, index, start, offset);
    const shift = 8 * ((offset - start) & 3);
    return size === 4 ? value : (value >>> shift) & (size === 2 ? 0xffff : 0xff);
  }

  write(offset: number, size: AccessSize, value: number): void {
    const slot = this.#layout.slotAt(offset);
    const entry = this.#entries[slot];
    if (entry === undefined || size > entry.size) {
      this.#writeParts(offset, size, value);
      return;
    }
    if (entry.access === 'ro' || entry.absent) return;
    const index = entry.count === 1 ? 0 : Math.floor((offset - entry.offset) / entry.stride);
    const start = entry.offset + index * entry.stride;
    const width = Math.min(entry.size, 4);
    const at = start + ((offset - start) & ~3);
    const mask = entry.mask[at === start ? 0 : 1];
    const stored = this.#load(at, width);
    let written = value;
    let touched = mask;
    if (size < width) {
      if (this.#layout.ignoresNarrowWrites) return;
      const shift = 8 * (offset - at);
      const bits = (size === 2 ? 0xffff : 0xff) << shift;
      touched = mask & bits;
      // Ones that were not written clear nothing.
      const rest = entry.access === 'w1c' ? 0 : stored & ~bits;
      written = rest | ((value << shift) & bits);
    }
    written = (written & mask) >>> 0;
    const kept = stored & ~touched;
    const now = entry.access === 'w1c' ? stored & ~written : kept | (written & touched);
    this.#store(at, width, now);
    this.#hooks[slot]?.write?.(written, index);
  }

  #valueOf(
    slot: number,
    entry: RegisterEntry,
    index: number,
    start: number,
    offset: number,
  ): number {
    if (entry.access === 'wo' || entry.absent) return 0;
    const isHigh = offset - start >= 4;
    const hook = this.#hooks[slot]?.read;
    if (hook === undefined) {
      return this.#load(start + (isHigh ? 4 : 0), Math.min(entry.size, 4));
    }
    const value = this.#hooks[slot]?.read?.(index) as number;
    if (entry.size < 8) return value >>> 0;
    return isHigh ? Math.floor(value / 2 ** 32) : value % 2 ** 32;
  }

  #readParts(offset: number, size: number): number {
    let value = 0;
    for (let at = offset; at < offset + size; ) {
      const part = this.#partAt(at);
      if (part !== 0) value |= this.read(at, part) << (8 * (at - offset));
      at += part || 1;
    }
    return value >>> 0;
  }

  #writeParts(offset: number, size: number, value: number): void {
    for (let at = offset; at < offset + size; ) {
      const part = this.#partAt(at);
      const bits = part === 2 ? 0xffff : 0xff;
      if (part !== 0) this.write(at, part, (value >>> (8 * (at - offset))) & bits);
      at += part || 1;
    }
  }

  /** Bytes of the register at a byte of a wider access, 0 where there is none. */
  #partAt(offset: number): 0 | 1 | 2 {
    const entry = this.#entries[this.#layout.slotAt(offset)];
    return entry === undefined ? 0 : entry.size === 1 || offset % 2 === 1 ? 1 : 2;
  }

  #sizeAt(offset: number): number {
    return Math.min(this.#entries[this.#layout.slotAt(offset)]?.size ?? 4, 4);
  }

  #load(offset: number, size: number): number {
    const word = this.#words[offset >> 2] as number; // inside: of a register
    if (size === 4) return word;
    return (word >>> (8 * (offset & 3))) & (size === 2 ? 0xffff : 0xff);
  }

  #store(offset: number, size: number, value: number): void {
    if (size === 4) {
      this.#words[offset >> 2] = value;
      return;
    }
    const shift = 8 * (offset & 3);
    const bits = (size === 2 ? 0xffff : 0xff) << shift;
    const word = this.#words[offset >> 2] as number; // as above
    this.#words[offset >> 2] = (word & ~bits) | ((value << shift) & bits);
  }
}
