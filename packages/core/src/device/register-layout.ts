import { VfioUserError } from '../errors.js';

/** A register, or an array of them, as data. Little-endian. */
export interface RegisterDefinition {
  /** Bytes from the start of the region, a multiple of the size (of 4 where that is 8). */
  readonly offset: number;
  /** Bytes, 4 when absent. */
  readonly size?: 1 | 2 | 4 | 8;
  /**
   * Driver access: read only (`ro`), write only (`wo`, reads 0), read/write (`rw`, default), or
   * write one to clear (`w1c`).
   */
  readonly access?: 'ro' | 'wo' | 'rw' | 'w1c';
  /** Reset value. Default 0. */
  readonly reset?: number | bigint;
  /** Writable bits. Default: all. */
  readonly mask?: number | bigint;
  /** Description for documentation: units, values, effect. */
  readonly meaning?: string;
  /**
   * An array: number of elements, and bytes from one to the next. `{}` in the name stands for the
   * index.
   */
  readonly repeat?: { readonly count: number; readonly stride: number };
  /** Defined by the specification but not implemented: reads 0, ignores writes. */
  readonly absent?: boolean;
}

/** Options of all registers of a table. */
export interface RegisterTableOptions {
  /**
   * Writes narrower than a register: merge the written bytes (`merged`, default), or ignore them.
   */
  readonly narrowWrites?: 'merged' | 'ignored';
}

/** A register of a layout, with the defaults filled in. */
export interface RegisterEntry {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly count: number;
  readonly stride: number;
  readonly access: 'ro' | 'wo' | 'rw' | 'w1c';
  /** Low and high half. */
  readonly reset: readonly [number, number];
  readonly mask: readonly [number, number];
  readonly meaning: string;
  readonly absent: boolean;
}

/** Where the registers of a region are. */
export class RegisterLayout {
  readonly entries: readonly RegisterEntry[];
  /** Bytes up to the end of the last register. */
  readonly length: number;
  readonly ignoresNarrowWrites: boolean;
  /** Index of the entry of each unit of the region, -1 for none. */
  readonly #slots: Int16Array;
  /** Size of a unit as a power of two: the narrowest register, at most 4 bytes. */
  readonly #shift: number;

  /** @throws {VfioUserError} `VFU_CONFIG_INVALID` when two overlap or one is impossible. */
  constructor(
    registers: Readonly<Record<string, RegisterDefinition>>,
    { narrowWrites = 'merged' }: RegisterTableOptions,
  ) {
    this.entries = Object.entries(registers).map(([name, each]) => entryOf(name, each));
    this.ignoresNarrowWrites = narrowWrites === 'ignored';
    this.length = Math.max(0, ...this.entries.map(endOf));
    const unit = Math.min(4, ...this.entries.map(({ size }) => size));
    this.#shift = Math.log2(unit);
    this.#slots = new Int16Array(Math.ceil(this.length / unit)).fill(-1);
    this.entries.forEach((entry, slot) => {
      for (let i = 0; i < entry.count; i++) {
        const start = entry.offset + i * entry.stride;
        for (let at = start; at < start + entry.size; at += unit) this.#place(at, slot);
      }
    });
  }

  /** Index in {@link entries} of the register at byte `offset`, -1 for none. */
  slotAt(offset: number): number {
    return this.#slots[offset >> this.#shift] ?? -1;
  }

  #place(at: number, slot: number): void {
    const unit = at >> this.#shift;
    const other = this.entries[this.#slots[unit] as number];
    if (other !== undefined) refuse(this.entries[slot] as RegisterEntry, `overlaps ${other.name}`);
    this.#slots[unit] = slot;
  }
}

/** @throws {VfioUserError} `VFU_CONFIG_INVALID` */
export function refuse({ name, offset }: RegisterEntry, what: string): never {
  throw new VfioUserError(
    'VFU_CONFIG_INVALID',
    `register ${name} at 0x${offset.toString(16)} ${what}`,
  );
}

function entryOf(name: string, definition: RegisterDefinition): RegisterEntry {
  const { offset, size = 4, access = 'rw', reset = 0, mask, meaning = '' } = definition;
  const { count = 1, stride = size } = definition.repeat ?? {};
  const all = size === 8 ? 2n ** 64n - 1n : 2n ** BigInt(8 * size) - 1n;
  const entry: RegisterEntry = {
    name,
    offset,
    size,
    count,
    stride,
    access,
    reset: halves(reset),
    mask: halves(mask ?? all),
    meaning,
    absent: definition.absent === true,
  };
  if (![1, 2, 4, 8].includes(size)) refuse(entry, `has ${size} bytes: expected 1, 2, 4 or 8`);
  if (!(offset >= 0)) refuse(entry, 'starts before its region');
  if (!Number.isInteger(count) || count < 1) refuse(entry, `is repeated ${count} times`);
  if (offset % Math.min(size, 4) !== 0 || stride % Math.min(size, 4) !== 0) {
    refuse(entry, `is not aligned to ${Math.min(size, 4)} bytes`);
  }
  return entry;
}

function endOf({ offset, size, count, stride }: RegisterEntry): number {
  return offset + (count - 1) * stride + size;
}

function halves(value: number | bigint): readonly [number, number] {
  const all = BigInt(value);
  return [Number(all & 0xffff_ffffn), Number((all >> 32n) & 0xffff_ffffn)];
}
