import { EAGAIN, EINTR } from './constants.js';
import type { OpenFile } from './file-descriptor.js';
import { failed, libc } from './libc.js';
import { addressOf, NativeMemory } from './native-memory.js';

/** linux/fs.h: fail with EAGAIN instead of waiting. */
const RWF_NOWAIT = 0x8;
/** Pieces that one call takes (`UIO_MAXIOV`). */
const MAX_PIECES = 1024;
const IOVEC_BYTES = 16;

/** Nothing of the range is in memory. */
export const NOT_CACHED = -1;

let iovecs: NativeMemory | undefined;

/**
 * Read from the page cache without waiting for the disk; the kernel starts to fetch what is
 * missing.
 * @returns bytes read: fewer than asked for when only the first are cached, when the file ends, or
 * when there are more than 1024 `targets`; or {@link NOT_CACHED}.
 * @throws {SystemError} ENOTSUP (EOPNOTSUPP) where the file system does not support it.
 */
export function readCached(
  file: OpenFile,
  position: number,
  targets: readonly Uint8Array[],
): number {
  iovecs ??= new NativeMemory(MAX_PIECES * IOVEC_BYTES);
  const count = Math.min(targets.length, MAX_PIECES);
  for (let index = 0; index < count; index++) {
    const target = targets[index]!; // below its length
    iovecs.setWord(index * IOVEC_BYTES, addressOf(target));
    iovecs.setWord(index * IOVEC_BYTES + 8, target.length);
  }
  const { preadv2, errno } = libc();
  for (;;) {
    const read = preadv2(file.number, iovecs.address, count, position, RWF_NOWAIT);
    if (read >= 0) return read;
    if (errno[0] === EAGAIN) return NOT_CACHED;
    if (errno[0] !== EINTR) throw failed('preadv2', `at ${position}`);
  }
}
