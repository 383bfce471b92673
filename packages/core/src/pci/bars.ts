import type { BarDefinition, BarIndex } from '../device/device.js';
import { BAR_IO, BAR_MEMORY_64, BAR_PREFETCHABLE, Header, ROM_ENABLE } from './constants.js';
import { hex, invalid } from './invalid.js';
import type { RegisterSetBuilder } from './register-set-builder.js';

/** The BARs of a device, by index. */
export type Bars = Readonly<Partial<Record<BarIndex, BarDefinition>>>;

export const BAR_INDEXES: readonly BarIndex[] = [0, 1, 2, 3, 4, 5];

const LOW = 0x1_0000_0000;
const MIN_MEMORY_BYTES = 16;
const MIN_IO_BYTES = 4;
/** x86 has no more ports than this. */
const MAX_IO_BYTES = 0x1_0000;
const MAX_MEMORY32_BYTES = 0x8000_0000;
const MIN_ROM_BYTES = 2048;
const MAX_ROM_BYTES = 0x100_0000;

/**
 * Refuse BARs that cannot be decoded.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID`
 */
export function validateBars(bars: Bars): void {
  for (const index of BAR_INDEXES) {
    const bar = bars[index];
    if (bar === undefined) continue;
    const name = `BAR${index}`;
    if (bar.kind === 'io') {
      checkSize(name, bar.size, MIN_IO_BYTES, MAX_IO_BYTES);
      if (bar.prefetchable) invalid(`${name}: only memory can be prefetchable, this is I/O`);
    } else if (bar.kind === 'memory32') {
      checkSize(name, bar.size, MIN_MEMORY_BYTES, MAX_MEMORY32_BYTES);
    } else {
      checkSize(name, bar.size, MIN_MEMORY_BYTES, 2 ** 52);
      if (index % 2 !== 0) {
        invalid(`${name} is 64-bit, which takes an even index and the odd one after it`);
      }
      if (bars[(index + 1) as BarIndex] !== undefined) {
        invalid(`BAR${index + 1} is the upper half of the 64-bit ${name} and cannot be used`);
      }
    }
  }
}

/** Refuse a ROM size that the ROM BAR cannot express. */
export function validateRomSize(size: number): void {
  checkSize('ROM', size, MIN_ROM_BYTES, MAX_ROM_BYTES);
}

/**
 * Describe the BARs. Writing all-ones and reading back gives the size because the address bits
 * below it are read-only zeros.
 */
export function describeBars(registers: RegisterSetBuilder, bars: Bars): void {
  for (const index of BAR_INDEXES) {
    const bar = bars[index];
    if (bar === undefined) continue;
    const offset = Header.BAR0 + 4 * index;
    registers.rw32(offset, typeBits(bar), addressMask(bar.size, bar.kind === 'io' ? 0x3 : 0xf));
    if (bar.kind === 'memory64') registers.rw32(offset + 4, 0, upperAddressMask(bar.size));
  }
}

/** Describe the expansion ROM BAR with its enable bit. */
export function describeRom(registers: RegisterSetBuilder, size: number): void {
  registers.rw32(Header.ROM, 0, addressMask(size, 0x7ff) | ROM_ENABLE);
}

function typeBits(bar: BarDefinition): number {
  if (bar.kind === 'io') return BAR_IO;
  const width = bar.kind === 'memory64' ? BAR_MEMORY_64 : 0;
  return width | (bar.prefetchable === true ? BAR_PREFETCHABLE : 0);
}

/** From 4 GiB on, none of the lower 32 bits is an address bit; `~` operates on those only. */
function addressMask(size: number, typeMask: number): number {
  return (~(size - 1) & ~typeMask) >>> 0;
}

function upperAddressMask(size: number): number {
  return ~(Math.ceil(size / LOW) - 1) >>> 0;
}

function checkSize(name: string, size: number, min: number, max: number): void {
  if (!isPowerOfTwo(size) || size < min || size > max) {
    invalid(`${name} has ${size} bytes, expected a power of two from ${min} to ${hex(max)}`);
  }
}

function isPowerOfTwo(size: number): boolean {
  return Number.isSafeInteger(size) && size > 0 && 2 ** Math.round(Math.log2(size)) === size;
}
