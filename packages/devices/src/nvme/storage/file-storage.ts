import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { promisify } from 'node:util';
import { VfioUserError } from '@vfio-user/core';
import type { Storage } from './storage.js';

const syncData = promisify(fdatasync);

/** Zeros written by one system call. */
const ZEROS = new Uint8Array(256 * 1024);

/** What {@link openFileStorage} needs to know. */
export interface FileStorageOptions {
  readonly path: string;
  /** Bytes; needed to create the file, grows one that is smaller. */
  readonly size?: number | undefined;
  /** Bytes below which the file is of no use. */
  readonly minimumSize: number;
  readonly isReadOnly: boolean;
}

/**
 * Blocks in a file. Reads and writes are made at once: they mostly meet the page cache, where a
 * system call costs less than handing the request to a thread, and may go straight to guest memory.
 */
export class FileStorage implements Storage {
  readonly size: number;
  readonly isReadOnly: boolean;
  readonly hasVolatileCache = true;
  readonly discardReadsZero = false;
  readonly zeroSliceBytes = 1024 * 1024;
  readonly #fd: number;

  /** Takes over the descriptor `fd`. */
  constructor(fd: number, size: number, isReadOnly: boolean) {
    this.#fd = fd;
    this.size = size;
    this.isReadOnly = isReadOnly;
  }

  read(offset: number, target: Uint8Array): void {
    for (let done = 0; done < target.length; ) {
      const count = readSync(this.#fd, target, done, target.length - done, offset + done);
      if (count === 0) {
        // Somebody else shortened the file.
        target.fill(0, done);
        return;
      }
      done += count;
    }
  }

  write(offset: number, source: Uint8Array): void {
    for (let done = 0; done < source.length; ) {
      done += writeSync(this.#fd, source, done, source.length - done, offset + done);
    }
  }

  zero(offset: number, length: number): void {
    for (let done = 0; done < length; done += ZEROS.length) {
      this.write(offset + done, ZEROS.subarray(0, Math.min(ZEROS.length, length - done)));
    }
  }

  /** Node cannot punch holes: the old contents stay, which the specification allows. */
  discard(): void {}

  flush(): Promise<void> {
    return syncData(this.#fd);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/**
 * Open or create the file.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` when it cannot be used.
 */
export function openFileStorage(options: FileStorageOptions): FileStorage {
  const { path, size, minimumSize, isReadOnly } = options;
  const fd = open(path, isReadOnly, size !== undefined);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw invalid(path, 'is not a regular file');
    if (size !== undefined && stats.size > size) {
      throw invalid(path, `has ${stats.size} bytes, more than size=${size}; leave size out`);
    }
    const wanted = size ?? stats.size;
    if (wanted < minimumSize) throw invalid(path, 'holds no block; give size=... to grow it');
    if (wanted > stats.size) {
      if (isReadOnly) throw invalid(path, `has only ${stats.size} bytes and readonly=true`);
      ftruncateSync(fd, wanted);
    }
    return new FileStorage(fd, wanted, isReadOnly);
  } catch (error) {
    closeSync(fd);
    throw VfioUserError.is(error) ? error : invalid(path, messageOf(error), error);
  }
}

function open(path: string, isReadOnly: boolean, mayCreate: boolean): number {
  try {
    if (isReadOnly) return openSync(path, constants.O_RDONLY);
    return openSync(path, constants.O_RDWR | (mayCreate ? constants.O_CREAT : 0), 0o600);
  } catch (error) {
    const hint = mayCreate ? '' : '; give size=... to create it';
    throw invalid(path, `${messageOf(error)}${hint}`, error);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function invalid(path: string, reason: string, cause?: unknown): VfioUserError {
  return new VfioUserError('VFU_CONFIG_INVALID', `nvme: file ${path}: ${reason}`, { cause });
}
