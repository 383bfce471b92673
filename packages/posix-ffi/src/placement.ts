import {
  MAP_ANONYMOUS,
  MAP_FIXED_NOREPLACE,
  MAP_NORESERVE,
  MAP_PRIVATE,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
} from './constants.js';
import { libc } from './libc.js';
import type { FileIdentity } from './memory-file.js';

/** The arguments of `mmap`. */
interface PlacedRange {
  readonly number: number;
  readonly file: FileIdentity;
  /** Where it starts in the file, and how long it is, bytes: multiples of the page size. */
  readonly offset: number;
  readonly bytes: number;
  readonly flags: number;
}

let last: (PlacedRange & { readonly address: number }) | undefined;

/**
 * Map a range of a file next to its neighbours in the file, so that the kernel merges them into one
 * area. Without neighbours, it leaves room for those that may follow.
 * @returns the address, -1 on failure (see `errno`).
 */
export function place(range: PlacedRange): number {
  const beside = addressBeside(range);
  let address = beside === undefined ? -1 : mapAt(beside, range);
  if (address === -1) address = mapWithRoom(range);
  if (address === -1) address = mapAt(undefined, range);
  if (address !== -1) last = { ...range, address };
  return address;
}

function addressBeside({ file, offset, bytes, flags }: PlacedRange): number | undefined {
  if (last === undefined || last.flags !== flags) return undefined;
  if (last.file.inode !== file.inode || last.file.device !== file.device) return undefined;
  if (offset === last.offset + last.bytes) return last.address + last.bytes;
  if (offset + bytes === last.offset) return last.address - bytes;
  return undefined;
}

/** Reserves room and releases it at once, so that it takes no area but later mappings fit there. */
function mapWithRoom(range: PlacedRange): number {
  const room = Number(range.file.size) - range.offset;
  if (room <= range.bytes) return -1;
  const start = libc().mmap(0, room, PROT_NONE, ROOM, -1, 0);
  if (start === -1) return -1;
  libc().munmap(start, room);
  return mapAt(start, range);
}

const ROOM = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

function mapAt(address: number | undefined, range: PlacedRange): number {
  const flags = address === undefined ? range.flags : range.flags | MAP_FIXED_NOREPLACE;
  const protection = PROT_READ | PROT_WRITE;
  return libc().mmap(address ?? 0, range.bytes, protection, flags, range.number, range.offset);
}
