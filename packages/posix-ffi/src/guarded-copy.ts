import { EFAULT, EINVAL, MADV_POPULATE_READ } from './constants.js';
import { failed, libc } from './libc.js';
import { addressOf, NativeMemory } from './native-memory.js';
import { SystemError } from './system-error.js';

/** Most pages checked by one call (IOV_MAX). */
const MOST_PAGES = 1024;
/** Bytes of one `struct iovec`: address and length. */
const IOVEC_BYTES = 16;

/**
 * Access to memory of this process whose pages may be unavailable: beyond the end of a truncated
 * file, or where the file system is full. Touching them raises SIGBUS; the kernel's copies between
 * processes (here from this one to itself) fail with EFAULT instead.
 */
class GuardedCopy {
  readonly #local = new NativeMemory(IOVEC_BYTES);
  readonly #remote = new NativeMemory(IOVEC_BYTES * MOST_PAGES);
  readonly #bytes = new NativeMemory(MOST_PAGES);

  /** Linux 5.14 and later can populate pages. */
  #populates = true;

  /** Whether it is permitted: a container's seccomp filter may forbid it. */
  readonly works = this.#works();

  /** Whether all of `count` pages of `pageBytes`, the first at `address`, are available. */
  arePresent(address: number, count: number, pageBytes: number): boolean {
    if (this.#populates) {
      if (libc().madvise(address, count * pageBytes, MADV_POPULATE_READ) === 0) return true;
      if (libc().errno[0] !== EINVAL) return false;
      this.#populates = false;
    }
    return this.#canRead(address, count, pageBytes);
  }

  /** Reads a byte of each, which is slower. */
  #canRead(address: number, count: number, pageBytes: number): boolean {
    for (let done = 0; done < count; done += MOST_PAGES) {
      const pages = Math.min(count - done, MOST_PAGES);
      for (let i = 0; i < pages; i++) {
        this.#remote.setWord(i * IOVEC_BYTES, address + (done + i) * pageBytes);
        this.#remote.setWord(i * IOVEC_BYTES + 8, 1);
      }
      if (this.#call('processVmReadv', this.#bytes.address, pages, pages) !== pages) return false;
    }
    return true;
  }

  copy(name: 'processVmReadv' | 'processVmWritev', address: number, bytes: Uint8Array): void {
    const local = addressOf(bytes);
    for (let done = 0; done < bytes.length; ) {
      const left = bytes.length - done;
      this.#remote.setWord(0, address + done);
      this.#remote.setWord(8, left);
      const count = this.#call(name, local + done, left, 1);
      if (count === -1) throw failed(name === 'processVmReadv' ? 'read' : 'write', MISSING);
      if (count === 0) throw new SystemError(EFAULT, 'read', MISSING);
      done += count;
    }
  }

  #call(
    name: 'processVmReadv' | 'processVmWritev',
    local: number,
    localBytes: number,
    pieces: number,
  ): number {
    this.#local.setWord(0, local);
    this.#local.setWord(8, localBytes);
    const { address } = this.#remote;
    return libc()[name](process.pid, this.#local.address, 1, address, pieces, 0);
  }

  #works(): boolean {
    const page = new NativeMemory(1);
    return this.#canRead(page.address, 1, 1);
  }
}

const MISSING =
  'of shared memory whose page cannot be had (the file system is full, or the file was cut off)';

let guarded: GuardedCopy | undefined;

function guardedCopy(): GuardedCopy {
  guarded ??= new GuardedCopy();
  return guarded;
}

/** Whether the functions below work in this process. */
export function canCopyGuarded(): boolean {
  return guardedCopy().works;
}

/** Whether all of `count` pages of `pageBytes` bytes at `address` can be touched. */
export function arePresent(address: number, count: number, pageBytes: number): boolean {
  return guardedCopy().arePresent(address, count, pageBytes);
}

/**
 * Fill `target` from `address`.
 * @throws {SystemError} EFAULT where a page is unavailable.
 */
export function copyOut(address: number, target: Uint8Array): void {
  guardedCopy().copy('processVmReadv', address, target);
}

/**
 * Copy `source` to `address`.
 * @throws {SystemError} EFAULT where a page is unavailable.
 */
export function copyIn(address: number, source: Uint8Array): void {
  guardedCopy().copy('processVmWritev', address, source);
}

/** The error for an unavailable page. */
export function missingPage(): SystemError {
  return new SystemError(EFAULT, 'access', MISSING);
}
