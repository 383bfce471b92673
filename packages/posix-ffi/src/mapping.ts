import {
  EINVAL,
  ENODEV,
  ENOMEM,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_READ,
  PROT_WRITE,
} from './constants.js';
import type { FileDescriptor } from './file-descriptor.js';
import { copyIn, copyOut } from './guarded-copy.js';
import { check, failed, libc } from './libc.js';
import { type FileIdentity, identifyFile, memoryBacking } from './memory-file.js';
import { PagePresence } from './page-presence.js';
import { type PlacedRange, Placement } from './placement.js';
import { SystemError } from './system-error.js';
import { memoryAreas } from './virtual-memory-areas.js';

/**
 * An ArrayBuffer of Node 20 is too small for a large guest's memory: it is viewed in windows of
 * this size.
 */
export const WINDOW_BYTES = 0x4000_0000;

/** Which part of a file to map. */
export interface MappingOptions {
  /** Where the range starts in the file, bytes. Need not be page-aligned. */
  readonly offset?: bigint;
  /** Bytes. */
  readonly length: number;
  readonly writable: boolean;
  /**
   * Whether pages are populated before they are touched ({@link PagePresence}). `once` is enough if
   * the file cannot shrink. Absent: they are known to be available.
   */
  readonly pages?: 'once' | 'always' | undefined;
  /** Neighbours in a file are joined if they have it in common. */
  readonly placement?: Placement | undefined;
}

/** The address range of a mapping, which lives until its last view is collected. */
interface Range {
  readonly placed: PlacedRange;
  readonly placement: Placement;
  windows: number;
  /** Whether a view was handed out; then, whether other memory has replaced it. */
  state: 'unviewed' | 'viewed' | 'replaced';
}

const unmapWithLastView = new FinalizationRegistry((range: Range) => {
  range.windows -= 1;
  if (range.windows === 0) giveBack(range);
});

function giveBack({ placed, placement, state }: Range): void {
  libc().munmap(placed.address, placed.bytes);
  if (state === 'replaced') {
    memoryAreas.giveBackReplaced();
    return;
  }
  memoryAreas.giveBack(placed.file.neighbours(placed), state === 'viewed');
  placement.forget(placed);
}

/** Of mappings without one of their own. */
const sharedPlacement = new Placement();

/**
 * File memory mapped into this process, as `Uint8Array`s.
 *
 * JavaScript has no read-only `Uint8Array`, and a store to a page without write permission kills
 * the process. So a mapping that is not `writable` is a private one: it shows what the file holds,
 * and a stray store stays in this process (where it hides later changes of that one page).
 *
 * Touching a page that cannot be had kills the process as well: beyond the end of a file that was
 * cut off, or where its file system is full. A caller who does not know better (`cannotShrink()`)
 * has {@link MappingOptions.pages} asked for, or uses {@link copyOut} and {@link copyIn}.
 */
export class Mapping {
  /** Bytes. */
  readonly length: number;
  readonly #range: Range;
  /** Bytes from the page boundary to the first requested byte. */
  readonly #lead: number;
  #windows: Uint8Array[] = [];
  readonly #presence: PagePresence | undefined;
  #revoked = false;

  private constructor(
    range: Range,
    lead: number,
    length: number,
    presence: PagePresence | undefined,
  ) {
    this.length = length;
    this.#presence = presence;
    this.#range = range;
    this.#lead = lead;
    for (let start = 0; start < lead + length; start += WINDOW_BYTES) {
      const bytes = Math.min(WINDOW_BYTES, lead + length - start);
      // Pointers are BigInts in koffi's declarations; at run time it takes numbers as well.
      const window = libc().koffi.view(range.placed.address + start, bytes);
      unmapWithLastView.register(window, range, range);
      this.#windows.push(new Uint8Array(window));
    }
  }

  /**
   * Map a range of a regular file. The descriptor may be closed afterwards.
   * @throws {SystemError} when it is no regular file, or shorter than the range; ENOMEM when the
   * process can hold no more mappings.
   */
  static create(file: FileDescriptor, options: MappingOptions): Mapping {
    const { offset = 0n, length, writable, pages, placement = sharedPlacement } = options;
    const identity = checkRange(file, offset, length);
    const { pageBytes } = memoryBacking(file);
    const lead = Number(offset % BigInt(pageBytes));
    const bytes = Math.ceil((lead + length) / pageBytes) * pageBytes;
    if (!memoryAreas.take()) throw new SystemError(ENOMEM, 'mmap', NO_AREA_LEFT);
    // Pages that are asked for need not be set aside, which a pool of huge pages would do for all.
    const noReserve = writable && pages === undefined ? 0 : MAP_NORESERVE;
    const placed = placement.place({
      number: file.number,
      file: identity,
      offset: Number(offset) - lead,
      bytes,
      pageBytes,
      flags: (writable ? MAP_SHARED : MAP_PRIVATE) | noReserve,
    });
    if (placed === undefined) {
      memoryAreas.giveBack();
      throw failed('mmap', `${length} bytes at ${offset}`);
    }
    memoryAreas.join(placed.file.neighbours(placed));
    const { address } = placed;
    const windows = Math.ceil((lead + length) / WINDOW_BYTES);
    const mayVanish = pages === 'always';
    const presence =
      pages === undefined ? undefined : new PagePresence({ address, bytes, pageBytes, mayVanish });
    const range: Range = { placed, placement, windows, state: 'unviewed' };
    return new Mapping(range, lead, length, presence);
  }

  /**
   * The bytes `[offset, offset + length)`, or `undefined` when they span two windows, lie outside
   * the mapping, or the mapping is revoked, and where the process has too few areas left to replace
   * what is viewed. A view that outlives {@link revoke} is harmless.
   * @throws {SystemError} EFAULT when a page is unavailable.
   */
  view(offset: number, length: number): Uint8Array | undefined {
    if (!this.#contains(offset, length)) return undefined;
    const range = this.#range;
    if (range.state === 'unviewed') {
      if (!memoryAreas.view()) return undefined;
      range.state = 'viewed';
    }
    const start = this.#lead + offset;
    this.#presence?.require(start, length);
    const index = Math.floor(start / WINDOW_BYTES);
    const inside = start - index * WINDOW_BYTES;
    if (inside + length > WINDOW_BYTES) return undefined;
    return this.#windows[index]?.subarray(inside, inside + length);
  }

  /** Copy out. @throws {RangeError} outside the mapping, {SystemError} as {@link view}. */
  read(offset: number, target: Uint8Array): void {
    this.#assertContains(offset, target.length);
    this.#presence?.require(this.#lead + offset, target.length);
    for (let done = 0; done < target.length; ) {
      const piece = this.#piece(offset + done, target.length - done);
      target.set(piece, done);
      done += piece.length;
    }
  }

  /** Copy in. @throws {RangeError} outside the mapping, {SystemError} as {@link view}. */
  write(offset: number, source: Uint8Array): void {
    this.#assertContains(offset, source.length);
    this.#presence?.require(this.#lead + offset, source.length);
    for (let done = 0; done < source.length; ) {
      const piece = this.#piece(offset + done, source.length - done);
      piece.set(source.subarray(done, done + piece.length));
      done += piece.length;
    }
  }

  /** Copy out by a system call, which fails with EFAULT where {@link read} would raise SIGBUS. */
  copyOut(offset: number, target: Uint8Array): void {
    this.#assertContains(offset, target.length);
    copyOut(this.#range.placed.address + this.#lead + offset, target);
  }

  /** Copy in by a system call. */
  copyIn(offset: number, source: Uint8Array): void {
    this.#assertContains(offset, source.length);
    copyIn(this.#range.placed.address + this.#lead + offset, source);
  }

  /**
   * Replace the file's memory by empty private memory: nothing in this process accesses the file
   * through this mapping any more, not even a view that was kept. The address range is released
   * when the last view is collected, at once if there was none. Idempotent.
   */
  revoke(): void {
    if (this.#revoked) return;
    const range = this.#range;
    const { placed, placement } = range;
    if (range.state === 'unviewed') {
      unmapWithLastView.unregister(range);
      this.#revoked = true;
      this.#windows = [];
      giveBack(range);
      return;
    }
    // The areas that this may split were counted when the first view was taken.
    check(
      libc().mmap(
        placed.address,
        placed.bytes,
        PROT_READ | PROT_WRITE,
        MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
        -1,
        0,
      ),
      'mmap',
      'to revoke a mapping',
    );
    memoryAreas.replace(placed.file.neighbours(placed));
    range.state = 'replaced';
    placement.forget(placed);
    this.#revoked = true;
    this.#windows = [];
  }

  /** The part of `[offset, offset + length)` in the first window. The range is checked. */
  #piece(offset: number, length: number): Uint8Array {
    const start = this.#lead + offset;
    const index = Math.floor(start / WINDOW_BYTES);
    const inside = start - index * WINDOW_BYTES;
    // The windows cover the whole mapping.
    return this.#windows[index]!.subarray(inside, Math.min(inside + length, WINDOW_BYTES));
  }

  #contains(offset: number, length: number): boolean {
    return !this.#revoked && offset >= 0 && length >= 0 && offset + length <= this.length;
  }

  #assertContains(offset: number, length: number): void {
    if (!this.#contains(offset, length)) {
      throw new RangeError(
        this.#revoked
          ? 'the mapping is revoked'
          : `[${offset}, ${offset + length}) is outside a mapping of ${this.length} bytes`,
      );
    }
  }
}

const NO_AREA_LEFT =
  'of one more range: the process holds as many as it may (sysctl vm.max_map_count)';

/** Fails unless `[offset, offset + length)` lies in a regular file. */
export function checkRange(file: FileDescriptor, offset: bigint, length: number): FileIdentity {
  const identity = identifyFile(file);
  const { regular, size } = identity;
  if (!regular) throw new SystemError(ENODEV, 'fstat', 'of a descriptor that is no regular file');
  if (!Number.isSafeInteger(length) || length <= 0 || offset < 0n) {
    throw new RangeError(`not a range of a file: ${length} bytes at ${offset}`);
  }
  const end = offset + BigInt(length);
  if (end > size || end > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new SystemError(
      EINVAL,
      'mmap',
      `${length} bytes at ${offset} of a file of ${size} bytes, which is too short`,
    );
  }
  return identity;
}
