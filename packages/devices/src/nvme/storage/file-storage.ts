import { closeSync, fdatasync, readSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Image } from './image.js';
import type { Storage } from './storage.js';

const syncData = promisify(fdatasync);

/** Zeros written by one system call. */
const ZEROS = new Uint8Array(256 * 1024);

/**
 * Blocks in a file or on a block device. Reads and writes are made at once: they mostly meet the page cache, where a
 * system call costs less than handing the request to a thread, and may go straight to guest memory.
 */
export class FileStorage implements Storage {
  readonly size: number;
  readonly isReadOnly: boolean;
  readonly hasVolatileCache = true;
  readonly discardReadsZero = false;
  readonly zeroSliceBytes = 1024 * 1024;
  readonly #fd: number;

  /** Takes over the image. */
  constructor(image: Image) {
    this.#fd = image.number;
    this.size = image.size;
    this.isReadOnly = image.isReadOnly;
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
