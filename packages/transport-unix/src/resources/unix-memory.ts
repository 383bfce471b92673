import { DmaFaultError, errno, type MappedMemory } from '@vfio-user/core';
import {
  checkRange,
  type FileDescriptor,
  type FileIdentity,
  Mapping,
  type MappingOptions,
  readFully,
  SystemError,
  writeFully,
} from '@vfio-user/posix-ffi';
import { SharedFiles } from './shared-files.js';

/** Which part of the file, and what may be done with it. */
export interface MemoryRange extends MappingOptions {
  readonly offset: bigint;
}

/** Memory that knows which file it is part of. */
export abstract class UnixMemory implements MappedMemory {
  readonly device: bigint;
  readonly inode: bigint;
  readonly length: number;
  readonly #writable: boolean;

  constructor({ device, inode }: FileIdentity, range: MemoryRange) {
    this.device = device;
    this.inode = inode;
    this.length = range.length;
    this.#writable = range.writable;
  }

  abstract view(offset: number, length: number): Uint8Array | undefined;
  abstract read(offset: number, target: Uint8Array): void;
  abstract close(): void;

  write(offset: number, source: Uint8Array): void {
    if (!this.#writable) {
      throw new SystemError(errno.EACCES, 'write', 'to memory that was shared for reading only');
    }
    this.store(offset, source);
  }

  protected abstract store(offset: number, source: Uint8Array): void;
}

/** Mapped into this process: the fast way. The descriptor stays the caller's. */
export class MappedUnixMemory extends UnixMemory {
  readonly copyOnWrite: boolean;
  readonly #mapping: Mapping;

  constructor(file: FileDescriptor, identity: FileIdentity, range: MemoryRange) {
    super(identity, range);
    this.#mapping = Mapping.create(file, range);
    this.copyOnWrite = !range.writable;
  }

  view(offset: number, length: number): Uint8Array | undefined {
    try {
      return this.#mapping.view(offset, length);
    } catch (error) {
      throw memoryFault(error);
    }
  }

  read(offset: number, target: Uint8Array): void {
    try {
      this.#mapping.read(offset, target);
    } catch (error) {
      throw memoryFault(error);
    }
  }

  store(offset: number, source: Uint8Array): void {
    try {
      this.#mapping.write(offset, source);
    } catch (error) {
      throw memoryFault(error);
    }
  }

  close(): void {
    this.#mapping.revoke();
  }
}

/**
 * Mapped, but touched by system calls only: for huge pages, which cannot be written through the
 * descriptor. Survives a peer that takes pages away. The descriptor stays the caller's.
 */
export class GuardedUnixMemory extends UnixMemory {
  readonly #mapping: Mapping;

  constructor(file: FileDescriptor, identity: FileIdentity, range: MemoryRange) {
    super(identity, range);
    this.#mapping = Mapping.create(file, range);
  }

  view(): undefined {
    return undefined;
  }

  read(offset: number, target: Uint8Array): void {
    try {
      this.#mapping.copyOut(offset, target);
    } catch (error) {
      throw memoryFault(error);
    }
  }

  store(offset: number, source: Uint8Array): void {
    try {
      this.#mapping.copyIn(offset, source);
    } catch (error) {
      throw memoryFault(error);
    }
  }

  close(): void {
    this.#mapping.revoke();
  }
}

const sharedFiles = new SharedFiles();

/**
 * Read and written through the descriptor: survives a peer that cuts the file off. Owns the
 * descriptor, once it is constructed.
 */
export class CopiedUnixMemory extends UnixMemory {
  readonly #shared: ReturnType<SharedFiles['open']>;
  readonly #offset: number;
  #closed = false;

  constructor(file: FileDescriptor, identity: FileIdentity, range: MemoryRange) {
    super(identity, range);
    checkRange(file, range.offset, range.length);
    this.#shared = sharedFiles.open(file, identity);
    this.#offset = Number(range.offset);
  }

  view(): undefined {
    return undefined;
  }

  read(offset: number, target: Uint8Array): void {
    this.#check(offset, target.length);
    try {
      readFully(this.#shared.file, this.#offset + offset, target);
    } catch (error) {
      throw memoryFault(error);
    }
  }

  store(offset: number, source: Uint8Array): void {
    this.#check(offset, source.length);
    try {
      writeFully(this.#shared.file, this.#offset + offset, source);
    } catch (error) {
      throw memoryFault(error);
    }
  }

  close(): void {
    if (!this.#closed) this.#shared.close();
    this.#closed = true;
  }

  #check(offset: number, length: number): void {
    if (this.#closed) throw new RangeError('the memory is closed');
    if (!(offset >= 0 && offset + length <= this.length)) {
      throw new RangeError(
        `[${offset}, ${offset + length}) is outside of memory of ${this.length} bytes`,
      );
    }
  }
}

/** What the host cannot give is a fault of this access; the device goes on. */
function memoryFault(error: unknown): unknown {
  if (!(error instanceof SystemError)) return error;
  return new DmaFaultError(errno.EFAULT, error.message, { cause: error });
}
