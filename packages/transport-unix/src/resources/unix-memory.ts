import type { MappedMemory } from '@vfio-user/core';
import {
  checkRange,
  type FileDescriptor,
  type FileIdentity,
  Mapping,
  readFully,
  SystemError,
  writeFully,
} from '@vfio-user/posix-ffi';

/** Which part of the file, and what may be done with it. */
export interface MemoryRange {
  readonly offset: bigint;
  readonly length: number;
  readonly writable: boolean;
}

/** Memory that knows which file it is part of. */
export interface UnixMemory extends MappedMemory {
  readonly device: bigint;
  readonly inode: bigint;
}

const EACCES = 13;

/** Mapped into this process: the fast way. The descriptor stays the caller's. */
export class MappedUnixMemory implements UnixMemory {
  readonly device: bigint;
  readonly inode: bigint;
  readonly length: number;
  readonly copyOnWrite: boolean;
  readonly #mapping: Mapping;
  readonly #writable: boolean;

  constructor(file: FileDescriptor, { device, inode }: FileIdentity, range: MemoryRange) {
    this.#mapping = Mapping.create(file, range);
    this.device = device;
    this.inode = inode;
    this.length = range.length;
    this.#writable = range.writable;
    this.copyOnWrite = !range.writable;
  }

  view(offset: number, length: number): Uint8Array | undefined {
    return this.#mapping.view(offset, length);
  }

  read(offset: number, target: Uint8Array): void {
    this.#mapping.read(offset, target);
  }

  write(offset: number, source: Uint8Array): void {
    if (!this.#writable) throw readOnly();
    this.#mapping.write(offset, source);
  }

  close(): void {
    this.#mapping.revoke();
  }
}

/**
 * Read and written by system calls: the way that survives a peer that cuts the file off. Owns the
 * descriptor, once it is constructed.
 */
export class CopiedUnixMemory implements UnixMemory {
  readonly device: bigint;
  readonly inode: bigint;
  readonly length: number;
  readonly #file: FileDescriptor;
  readonly #offset: number;
  readonly #writable: boolean;

  constructor(file: FileDescriptor, { device, inode }: FileIdentity, range: MemoryRange) {
    checkRange(file, range.offset, range.length);
    this.device = device;
    this.inode = inode;
    this.length = range.length;
    this.#file = file;
    this.#offset = Number(range.offset);
    this.#writable = range.writable;
  }

  view(): undefined {
    return undefined;
  }

  read(offset: number, target: Uint8Array): void {
    this.#check(offset, target.length);
    readFully(this.#file, this.#offset + offset, target);
  }

  write(offset: number, source: Uint8Array): void {
    if (!this.#writable) throw readOnly();
    this.#check(offset, source.length);
    writeFully(this.#file, this.#offset + offset, source);
  }

  close(): void {
    this.#file.close();
  }

  #check(offset: number, length: number): void {
    if (!(offset >= 0 && offset + length <= this.length)) {
      throw new RangeError(
        `[${offset}, ${offset + length}) is outside of memory of ${this.length} bytes`,
      );
    }
  }
}

function readOnly(): SystemError {
  return new SystemError(EACCES, 'write', 'to memory that was shared for reading only');
}
