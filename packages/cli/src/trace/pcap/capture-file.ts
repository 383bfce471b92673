import { closeSync, openSync, readSync } from 'node:fs';
import { VfioUserError } from '@vfio-user/core';
import { UsageError } from '../../errors.js';

/** A file that is read from start to end. */
export class CaptureFile {
  readonly #path: string;
  readonly #descriptor: number;

  /** @throws {UsageError} when it cannot be opened. */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#descriptor = openSync(path, 'r');
    } catch (error) {
      throw new UsageError(`cannot read the capture: ${reasonOf(error)}`);
    }
  }

  /** The next `count` bytes, fewer at the end. */
  read(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    let filled = 0;
    while (filled < count) {
      const got = this.#readSome(bytes, filled);
      if (got === 0) break;
      filled += got;
    }
    return bytes.subarray(0, filled);
  }

  failure(reason: string): VfioUserError {
    return new VfioUserError('VFU_SYSTEM_ERROR', `${this.#path}: ${reason}`);
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #readSome(bytes: Uint8Array, at: number): number {
    try {
      return readSync(this.#descriptor, bytes, at, bytes.length - at, null);
    } catch (error) {
      throw this.failure(`cannot be read: ${reasonOf(error)}`);
    }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
