import { isOtherNumbering } from './block-device.js';
import { EFBIG, ENOSYS, EOPNOTSUPP } from './constants.js';
import type { OpenFile } from './file-descriptor.js';
import { failed, libc } from './libc.js';
import { NativeMemory } from './native-memory.js';
import type { SystemError } from './system-error.js';

// linux/falloc.h
const FALLOC_FL_KEEP_SIZE = 0x01;
const FALLOC_FL_PUNCH_HOLE = 0x02;
const FALLOC_FL_ZERO_RANGE = 0x10;
/** linux/fs.h. */
const BLKDISCARD = (isOtherNumbering ? 0x2000_0000 : 0) + 0x1277;

type Done = (error?: SystemError) => void;

/** Whether holes can be punched into a file that is open for writing; changes nothing. */
export function canPunchHoles(file: OpenFile, size: number): boolean {
  const { fallocate, errno, pageBytes } = libc();
  // Behind its end.
  const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  if (fallocate(file.number, mode, size, pageBytes) === 0) return true;
  // EFBIG: the file has the maximum length, so nothing behind its end can be tried.
  if ([EOPNOTSUPP, ENOSYS, EFBIG].includes(errno[0] as number)) return false;
  throw failed('fallocate');
}

/**
 * Deallocate a range of a file, or of a block device that supports it: it reads as zeros
 * afterwards. Runs in libuv's thread pool.
 */
export function punchHole(file: OpenFile, offset: number, length: number, done: Done): void {
  allocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length, done);
}

/** Zero a range of a file or block device without deallocating it, in the thread pool. */
export function zeroRange(file: OpenFile, offset: number, length: number, done: Done): void {
  allocate(file, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, length, done);
}

/** Discard a range of a block device, in the thread pool. It reads as anything afterwards. */
export function discardBlocks(device: OpenFile, offset: number, length: number, done: Done): void {
  const range = new NativeMemory(16);
  range.setWord(0, offset);
  range.setWord(8, length);
  libc().ioctlLater(device.number, BLKDISCARD, range.address, (_error, result) => {
    // Referenced here to keep the memory alive until now.
    const bytes = range.view.getBigUint64(8, true);
    done(result === 0 ? undefined : failed('ioctl', `BLKDISCARD of ${bytes} bytes at ${offset}`));
  });
}

function allocate(file: OpenFile, mode: number, offset: number, length: number, done: Done): void {
  libc().fallocateLater(file.number, mode, offset, length, (_error, result) => {
    done(result === 0 ? undefined : failed('fallocate', `${length} bytes at ${offset}`));
  });
}
