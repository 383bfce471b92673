import { fstatSync, ftruncateSync, statfsSync } from 'node:fs';
import {
  EINVAL,
  F_ADD_SEALS,
  F_GET_SEALS,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
} from './constants.js';
import { FileDescriptor } from './file-descriptor.js';
import { check, libc } from './libc.js';
import { SystemError } from './system-error.js';

/** `f_type` of hugetlbfs, also for memfds with huge pages. */
const HUGETLBFS_MAGIC = 0x958458f6;

/** `f_type` of tmpfs, also for memfds. */
const TMPFS_MAGIC = 0x01021994;

/** What must be known of a file before its memory is touched. */
export interface FileIdentity {
  readonly regular: boolean;
  readonly device: bigint;
  readonly inode: bigint;
  /** Bytes. */
  readonly size: bigint;
}

/** A memfd of `length` zero bytes with a sealed size: it can be mapped without a signal handler. */
export function createMemoryFile(name: string, length: number): FileDescriptor {
  if (!Number.isSafeInteger(length) || length <= 0) {
    throw new RangeError(`not a length of memory: ${length}`);
  }
  const file = FileDescriptor.fromSyscall(
    libc().memfdCreate(name, MFD_CLOEXEC | MFD_ALLOW_SEALING),
    'memfd_create',
  );
  try {
    ftruncateSync(file.number, length);
    addSeals(file, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  } catch (error) {
    file.close();
    throw error;
  }
  return file;
}

export function addSeals(file: FileDescriptor, seals: number): void {
  check(libc().fcntl(file.number, F_ADD_SEALS, seals), 'fcntl', 'F_ADD_SEALS');
}

/** The seals of a file; 0 for files that cannot be sealed. */
export function getSeals(file: FileDescriptor): number {
  const seals = libc().fcntl(file.number, F_GET_SEALS, 0);
  if (seals !== -1) return seals;
  const errno = libc().errno[0] as number;
  if (errno !== EINVAL) throw new SystemError(errno, 'fcntl', 'F_GET_SEALS');
  return 0;
}

/** Whether nobody can make it shorter any more. */
export function cannotShrink(file: FileDescriptor): boolean {
  return (getSeals(file) & F_SEAL_SHRINK) !== 0;
}

export function identifyFile(file: FileDescriptor): FileIdentity {
  const status = fstatSync(file.number, { bigint: true });
  return {
    regular: status.isFile(),
    device: status.dev,
    inode: status.ino,
    size: status.size,
  };
}

/** Bytes of a page of this host. */
export function hostPageBytes(): number {
  return libc().pageBytes;
}

/** Where the memory of a file comes from. */
export interface MemoryBacking {
  /** `disk` is any file system that is neither of the others. */
  readonly kind: 'tmpfs' | 'hugetlbfs' | 'disk';
  /** What offset and length of a mapping are multiples of. */
  readonly pageBytes: number;
}

export function memoryBacking(file: FileDescriptor): MemoryBacking {
  const { type, bsize } = statfsSync(`/proc/self/fd/${file.number}`);
  if (type === HUGETLBFS_MAGIC) return { kind: 'hugetlbfs', pageBytes: bsize };
  return { kind: type === TMPFS_MAGIC ? 'tmpfs' : 'disk', pageBytes: libc().pageBytes };
}
