import { close, fdatasync } from 'node:fs';
import { promisify } from 'node:util';
import { type Logger, silentLogger } from '@vfio-user/core';
import { readCached, unavailableReason } from '@vfio-user/posix-ffi';
import { AbandonedError, type BeginCall, DiskCalls } from './disk-calls.js';
import { isInMemory, readAll, readNow, writeAll, writeNow } from './file-access.js';
import type { Image } from './image.js';
import type { Storage } from './storage.js';

const closeLater = promisify(close);

/** Zeros written by one call. */
const ZEROS = new Uint8Array(1024 * 1024);
/** How long the disk may take until that is told. */
const STALL_MS = 2000;
/** Threads of libuv's pool when nothing else is said. */
const DEFAULT_POOL_THREADS = 4;

/**
 * Blocks in a file or on a block device. What the page cache holds is read at once, straight into guest memory. All that
 * may meet the disk is done by a thread, as a disk can take seconds (and a write waits for the disk
 * when much is unwritten, or the file system is frozen). A file in memory never waits.
 */
export class FileStorage implements Storage {
  readonly size: number;
  readonly isReadOnly: boolean;
  readonly hasVolatileCache = true;
  readonly discardReadsZero = false;
  readonly #file: { readonly number: number };
  readonly #calls: DiskCalls;
  readonly #isInMemory: boolean;
  #readsCache: boolean;
  #nextFlush: Promise<void> | undefined;

  /** Takes over the image. */
  constructor(image: Image, logger: Logger = silentLogger) {
    const { path: file, size, isReadOnly, number } = image;
    this.#file = { number };
    this.size = size;
    this.isReadOnly = isReadOnly;
    this.#isInMemory = isInMemory(number);
    this.#readsCache = unavailableReason() === undefined;
    this.#calls = new DiskCalls({
      limit: Math.max(1, Math.floor(poolThreads() / 2)),
      stallMs: STALL_MS,
      onStall: (waitedMs) =>
        logger.warn({ file, waitedMs }, 'nvme: the disk does not answer: commands wait for it'),
      onRecovered: (waitedMs) => logger.info({ file, waitedMs }, 'nvme: the disk answers again'),
    });
  }

  tryRead(offset: number, targets: readonly Uint8Array[]): boolean {
    if (this.#isInMemory) {
      if (!this.#calls.isIdle) return false;
      readNow(this.#file.number, offset, targets);
      return true;
    }
    if (!this.#readsCache) return false;
    let length = 0;
    for (let index = 0; index < targets.length; index++) length += targets[index]!.length; // below its length
    return (
      this.#calls.mayReadBeside(offset, length) && this.#readCached(offset, targets) === length
    );
  }

  tryWrite(offset: number, sources: readonly Uint8Array[]): boolean {
    if (!this.#isInMemory || !this.#calls.isIdle) return false;
    writeNow(this.#file.number, offset, sources);
    return true;
  }

  read(offset: number, target: Uint8Array): Promise<void> {
    const range = { offset, length: target.length, kind: 'read' } as const;
    return this.#calls.run(range, (done) => readAll(this.#file.number, offset, target, done));
  }

  write(offset: number, source: Uint8Array): Promise<void> {
    return this.#change(offset, source.length, (done) =>
      writeAll(this.#file.number, offset, source, done),
    );
  }

  async zero(offset: number, length: number): Promise<void> {
    const { life } = this.#calls;
    for (let done = 0; done < length; done += ZEROS.length) {
      if (life !== this.#calls.life) throw new AbandonedError();
      await this.write(offset + done, ZEROS.subarray(0, Math.min(ZEROS.length, length - done)));
    }
  }

  /** Node cannot punch holes: the old contents stay, which the specification allows. */
  discard(): void {}

  flush(): Promise<void> {
    // One that has not begun covers all that was written until now.
    this.#nextFlush ??= this.#calls.run({ offset: 0, length: 0, kind: 'flush' }, (done) => {
      this.#nextFlush = undefined;
      fdatasync(this.#file.number, done);
    });
    return this.#nextFlush;
  }

  abandon(): void {
    this.#nextFlush = undefined;
    this.#calls.abandon();
  }

  async close(): Promise<void> {
    this.abandon();
    await this.#calls.idle();
    await closeLater(this.#file.number);
  }

  #change(offset: number, length: number, begin: BeginCall): Promise<void> {
    return this.#calls.run({ offset, length, kind: 'change' }, begin);
  }

  #readCached(offset: number, targets: readonly Uint8Array[]): number {
    try {
      return readCached(this.#file, offset, targets);
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (code !== 'EOPNOTSUPP' && code !== 'ENOSYS') throw error;
      this.#readsCache = false;
      return 0;
    }
  }
}

function poolThreads(): number {
  return Number(process.env.UV_THREADPOOL_SIZE) || DEFAULT_POOL_THREADS;
}
