import { closeSync, openSync, readSync } from 'node:fs';
import { VfioUserError } from '@vfio-user/core';
import { attemptFailed } from '@vfio-user/core/internal';

/** Read ahead, bytes. */
const CHUNK_BYTES = 65_536;

/** A file read from start to end, in chunks. */
export class CaptureFile {
  readonly #path: string;
  readonly #descriptor: number;
  /** Read ahead. A chunk is never filled a second time, so what was returned stays valid. */
  #ahead: Uint8Array = new Uint8Array(0);

  /** @throws {VfioUserError} `VFU_CONFIG_INVALID` when it cannot be opened. */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#descriptor = openSync(path, 'r');
    } catch (error) {
      const what = `${path}: cannot read the capture`;
      throw attemptFailed('read-file', what, error, { code: 'VFU_CONFIG_INVALID' });
    }
  }

  /** The next `count` bytes, fewer at the end. */
  read(count: number): Uint8Array {
    if (this.#ahead.length < count) this.#readAhead(count);
    const bytes = this.#ahead.subarray(0, count);
    this.#ahead = this.#ahead.subarray(bytes.length);
    return bytes;
  }

  failure(reason: string): VfioUserError {
    return new VfioUserError('VFU_SYSTEM_ERROR', `${this.#path}: ${reason}`);
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #readAhead(count: number): void {
    const chunk = new Uint8Array(Math.max(count, CHUNK_BYTES));
    chunk.set(this.#ahead);
    let filled = this.#ahead.length;
    while (filled < count) {
      const got = this.#readSome(chunk, filled);
      if (got === 0) break;
      filled += got;
    }
    this.#ahead = chunk.subarray(0, filled);
  }

  #readSome(bytes: Uint8Array, at: number): number {
    try {
      return readSync(this.#descriptor, bytes, at, bytes.length - at, null);
    } catch (error) {
      throw attemptFailed('read-file', `${this.#path}: cannot be read`, error);
    }
  }
}
