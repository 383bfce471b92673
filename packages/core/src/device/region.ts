import { EINVAL } from '../errno.js';
import { RequestRefusedError } from '../errors.js';
import type { AccessSize, BlockAccess, RegisterAccess } from './access.js';
import type { RegionDefinition } from './device.js';

/**
 * Whether `[offset, offset + length)` lies inside `size` bytes. A sum of numbers does not wrap
 * around; where it is rounded, above 2^53, it is beyond any size.
 */
export function isInRange(offset: number, length: number, size: number): boolean {
  return offset >= 0 && length >= 0 && offset + length <= size;
}

/**
 * The client reads `target.length` bytes.
 * @throws {RequestRefusedError} EINVAL when the range is outside the region or not readable.
 */
export function readRegion(region: RegionDefinition, offset: number, target: Uint8Array): void {
  if (!isInRange(offset, target.length, region.size)) refuseRange(region, offset, target.length);
  if (region.readable === false) throw new RequestRefusedError(EINVAL, 'the region is write-only');
  const { access } = region;
  if (isBlockAccess(access)) access.readBlock(offset, target);
  else readRegisters(access, offset, target);
}

/**
 * The client writes `source`.
 * @throws {RequestRefusedError} EINVAL when the range is outside the region or not writable.
 */
export function writeRegion(region: RegionDefinition, offset: number, source: Uint8Array): void {
  if (!isInRange(offset, source.length, region.size)) refuseRange(region, offset, source.length);
  if (region.writable === false) throw new RequestRefusedError(EINVAL, 'the region is read-only');
  const { access } = region;
  if (isBlockAccess(access)) access.writeBlock(offset, source);
  else writeRegisters(access, offset, source);
}

function isBlockAccess(access: RegisterAccess | BlockAccess): access is BlockAccess {
  return (access as Partial<BlockAccess>).readBlock !== undefined;
}

function readRegisters(access: RegisterAccess, offset: number, target: Uint8Array): void {
  for (let done = 0; done < target.length; ) {
    const at = offset + done;
    const left = target.length - done;
    if (access.read64 !== undefined && left >= 8 && at % 8 === 0) {
      const value = BigInt.asUintN(64, access.read64(at));
      put(target, done, 4, Number(value & 0xffff_ffffn));
      put(target, done + 4, 4, Number(value >> 32n));
      done += 8;
      continue;
    }
    const size = pieceSize(at, left);
    put(target, done, size, access.read(at, size));
    done += size;
  }
}

function writeRegisters(access: RegisterAccess, offset: number, source: Uint8Array): void {
  for (let done = 0; done < source.length; ) {
    const at = offset + done;
    const left = source.length - done;
    if (access.write64 !== undefined && left >= 8 && at % 8 === 0) {
      const high = BigInt(take(source, done + 4, 4)) << 32n;
      access.write64(at, high | BigInt(take(source, done, 4)));
      done += 8;
      continue;
    }
    const size = pieceSize(at, left);
    access.write(at, size, take(source, done, size));
    done += size;
  }
}

/** The largest naturally aligned piece that starts here; taking it each time gives the fewest. */
function pieceSize(offset: number, left: number): AccessSize {
  if (left >= 4 && offset % 4 === 0) return 4;
  if (left >= 2 && offset % 2 === 0) return 2;
  return 1;
}

function put(target: Uint8Array, at: number, size: AccessSize, value: number): void {
  target[at] = value;
  if (size === 1) return;
  target[at + 1] = value >>> 8;
  if (size === 2) return;
  target[at + 2] = value >>> 16;
  target[at + 3] = value >>> 24;
}

function take(source: Uint8Array, at: number, size: AccessSize): number {
  // In range: the callers walk inside the array.
  if (size === 1) return source[at]!;
  const low = source[at]! | (source[at + 1]! << 8);
  if (size === 2) return low;
  return (low | (source[at + 2]! << 16) | (source[at + 3]! << 24)) >>> 0;
}

function refuseRange(region: RegionDefinition, offset: number, length: number): never {
  throw new RequestRefusedError(
    EINVAL,
    `${length} bytes at 0x${offset.toString(16)} lie outside the region of ${region.size} bytes`,
  );
}
