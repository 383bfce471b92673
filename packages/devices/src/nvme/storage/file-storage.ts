import { close, fdatasync, fstat } from 'node:fs';
import { promisify } from 'node:util';
import { type Logger, silentLogger } from '@vfio-user/core';
import {
  discardBlocks,
  punchHole,
  readCached,
  unavailableReason,
  zeroRange,
} from '@vfio-user/posix-ffi';
import { AbandonedError, type BeginCall, DiskCalls } from './disk-calls.js';
import { isInMemory, readAll, readNow, writeAll, writeNow } from './file-access.js';
import type { Image } from './image.js';
import type { Deallocation, Storage } from './storage.js';

const closeLater = promisify(close);

/** Zeros written by one call. */
const ZEROS = new Uint8Array(1024 * 1024);
/** What one call gives back: what waits for the disk has its turn in between. */
const DEALLOCATE_BYTES = 1024 * 1024 * 1024;
/** Milliseconds after which a slow disk is logged. */
const STALL_MS = 2000;
/** Threads of libuv's pool when nothing else is said. */
const DEFAULT_POOL_THREADS = 4;

/** Unit of `st_blocks`, bytes. */
const STATUS_BLOCK_BYTES = 512;
/** Codes of calls that a file system or a device does not have; EOPNOTSUPP is called ENOTSUP here. */
const UNSUPPORTED: readonly unknown[] = ['ENOTSUP', 'ENOSYS', 'ENOTTY'];

type RangeCall = typeof punchHole;

/**
 * Blocks in a file or on a block device. What the page cache holds is read at once, into guest memory. A thread does
 * everything that may wait for the disk, which can take seconds; a write waits as well when much is unwritten, or the file
 * system is frozen. A file in memory never waits.
 */
export class FileStorage implements Storage {
  readonly size: number;
  readonly isReadOnly: boolean;
  readonly hasVolatileCache = true;
  readonly deallocation: Deallocation | undefined;
  readonly #file: { readonly number: number };
  readonly #calls: DiskCalls;
  readonly #isInMemory: boolean;
  readonly #isBlockDevice: boolean;
  #readsCache: boolean;
  #punchesHoles: boolean;
  #zeroesRanges: boolean;
  #nextFlush: Promise<void> | undefined;
  #status: Promise<number> | undefined;

  /** Takes over the image. */
  constructor(image: Image, logger: Logger = silentLogger) {
    const { path: file, size, isReadOnly, number } = image;
    this.#file = { number };
    this.size = size;
    this.isReadOnly = isReadOnly;
    this.#isInMemory = isInMemory(number);
    this.#isBlockDevice = image.isBlockDevice;
    this.#readsCache = unavailableReason() === undefined;
    this.deallocation = image.deallocation;
    this.#punchesHoles = this.deallocation !== undefined;
    this.#zeroesRanges = !isReadOnly && this.#readsCache;
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

  async zero(offset: number, length: number, deallocate: boolean): Promise<void> {
    const { life } = this.#calls;
    if (deallocate && this.#punchesHoles) {
      this.#punchesHoles = await this.#inSlices(punchHole, offset, length, life);
      if (this.#punchesHoles) return;
    }
    if (this.#zeroesRanges) {
      this.#zeroesRanges = await this.#inSlices(zeroRange, offset, length, life);
      if (this.#zeroesRanges) return;
    }
    for (let done = 0; done < length; done += ZEROS.length) {
      if (life !== this.#calls.life) throw new AbandonedError();
      await this.write(offset + done, ZEROS.subarray(0, Math.min(ZEROS.length, length - done)));
    }
  }

  async discard(offset: number, length: number): Promise<void> {
    // What cannot be given back stays, which the specification allows.
    const call = this.#isBlockDevice ? discardBlocks : punchHole;
    await this.#inSlices(call, offset, length, this.#calls.life);
  }

  allocatedBytes(): number | Promise<number> {
    if (this.#isBlockDevice) return this.size;
    // Once for all who ask: a file system that does not answer keeps one thread only.
    this.#status ??= new Promise((resolve) => {
      fstat(this.#file.number, (error, stats) => {
        this.#status = undefined;
        resolve(
          error === null ? Math.min(stats.blocks * STATUS_BLOCK_BYTES, this.size) : this.size,
        );
      });
    });
    return this.#status;
  }

  flush(): Promise<void> {
    // One that has not begun covers all that was written until now.
    if (this.#nextFlush !== undefined) return this.#nextFlush;
    let hasBegun = false;
    const flush = this.#calls.run({ offset: 0, length: 0, kind: 'flush' }, (done) => {
      hasBegun = true;
      this.#nextFlush = undefined;
      fdatasync(this.#file.number, done);
    });
    if (!hasBegun) this.#nextFlush = flush;
    return flush;
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

  /** Call for parts of a range; false when the file system or device has no such call. */
  async #inSlices(call: RangeCall, offset: number, length: number, life: number): Promise<boolean> {
    for (let done = 0; done < length; done += DEALLOCATE_BYTES) {
      if (life !== this.#calls.life) throw new AbandonedError();
      const [at, part] = [offset + done, Math.min(DEALLOCATE_BYTES, length - done)];
      try {
        await this.#change(at, part, (ended) => call(this.#file, at, part, ended));
      } catch (error) {
        if (!UNSUPPORTED.includes((error as { code?: unknown }).code)) throw error;
        return false;
      }
    }
    return true;
  }

  #readCached(offset: number, targets: readonly Uint8Array[]): number {
    try {
      return readCached(this.#file, offset, targets);
    } catch (error) {
      if (!UNSUPPORTED.includes((error as { code?: unknown }).code)) throw error;
      this.#readsCache = false;
      return 0;
    }
  }
}

function poolThreads(): number {
  return Number(process.env.UV_THREADPOOL_SIZE) || DEFAULT_POOL_THREADS;
}
