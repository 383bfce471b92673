import { EACCES, EAGAIN } from './constants.js';
import type { OpenFile } from './file-descriptor.js';
import { failed, libc } from './libc.js';
import { NativeMemory } from './native-memory.js';

// Commands of fcntl for locks that belong to the open file, not to the process, and the lock types.
const F_OFD_GETLK = 36;
const F_OFD_SETLK = 37;
const F_RDLCK = 0;
const F_WRLCK = 1;
const F_UNLCK = 2;

// struct flock: l_type 0, l_whence 2, l_start 8, l_len 16, l_pid 24. SEEK_SET is 0.
const FLOCK_BYTES = 32;
const START = 8;
const LENGTH = 16;
const PID = 24;

/** A range of bytes of a file that is locked; the bytes need not exist. */
export interface LockRange {
  readonly start: number;
  readonly length: number;
}

/** Somebody else's lock. */
export interface HeldLock {
  /** Who holds it; `undefined` when it belongs to an open file, or to a process of another machine. */
  readonly pid: number | undefined;
}

/**
 * Take a shared lock of a range. It is advisory, belongs to the open file, and ends with its last
 * descriptor.
 * @returns `false` when somebody holds an exclusive lock.
 * @throws {SystemError} for example ENOLCK where the file system has no locks.
 */
export function lockShared(file: OpenFile, range: LockRange): boolean {
  const lock = flock(F_RDLCK, range);
  if (libc().fcntlAt(file.number, F_OFD_SETLK, lock.address) !== -1) return true;
  const errno = libc().errno[0];
  if (errno === EAGAIN || errno === EACCES) return false;
  throw failed('fcntl', 'F_OFD_SETLK');
}

/** Release the locks of this open file in the range. */
export function unlock(file: OpenFile, range: LockRange): void {
  const lock = flock(F_UNLCK, range);
  if (libc().fcntlAt(file.number, F_OFD_SETLK, lock.address) === -1) {
    throw failed('fcntl', 'F_OFD_SETLK');
  }
}

/** A lock of any kind that another open file or process holds in the range. */
export function findLock(file: OpenFile, range: LockRange): HeldLock | undefined {
  const lock = flock(F_WRLCK, range);
  if (libc().fcntlAt(file.number, F_OFD_GETLK, lock.address) === -1) {
    throw failed('fcntl', 'F_OFD_GETLK');
  }
  if (lock.view.getInt16(0, true) === F_UNLCK) return undefined;
  const pid = lock.view.getInt32(PID, true);
  return { pid: pid > 0 ? pid : undefined };
}

/** The kernel wants l_pid to be 0 here. */
function flock(type: number, { start, length }: LockRange): NativeMemory {
  const lock = new NativeMemory(FLOCK_BYTES);
  lock.view.setInt16(0, type, true);
  lock.setWord(START, start);
  lock.setWord(LENGTH, length);
  return lock;
}
