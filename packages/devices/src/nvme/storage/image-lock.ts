import { fstatSync } from 'node:fs';
import { type Logger, VfioUserError } from '@vfio-user/core';
import {
  EINVAL,
  ENOLCK,
  ENOSYS,
  EOPNOTSUPP,
  findLock,
  type HeldLock,
  lockShared,
  type OpenFile,
  SystemError,
  unavailableReason,
  unlock,
} from '@vfio-user/posix-ffi';
import { describeFileUsers } from './image-users.js';

// The bytes by which QEMU and qemu-img keep each other off an image (block/file-posix.c): whoever
// has a permission holds a shared lock on one byte, whoever does not let others have it on another.
// That byte of the other kind is looked at, never locked exclusively.
const HELD_BASE = 100;
const UNSHARED_BASE = 200;
const LOCK_BYTES = { start: HELD_BASE, length: 2 * (UNSHARED_BASE - HELD_BASE) };

/** Numbers of QEMU's permissions (include/block/block-common.h). */
const CONSISTENT_READ = 0;
const WRITE = 1;
const RESIZE = 3;

/** Nobody else may write to the image, or change its length, while we read or write it. */
const UNSHARED = [WRITE, RESIZE];

/** How `fcntl` says that there are no such locks: no lock server of NFS, an old kernel. */
const NO_LOCKS: readonly number[] = [ENOLCK, ENOSYS, EOPNOTSUPP, EINVAL];

/** What is locked. */
export interface LockedImage extends OpenFile {
  readonly path: string;
  readonly isReadOnly: boolean;
}

/**
 * Keep others off the image until it is closed: everybody who writes to it, and when we write those
 * who read it, too. Where nothing can be locked, it is used as it is, with a warning.
 * @throws {VfioUserError} `VFU_SYSTEM_ERROR` when somebody else is there.
 */
export function lockImage(image: LockedImage, logger: Logger): void {
  const unavailable = unavailableReason();
  if (unavailable !== undefined) {
    warn(image, unavailable, logger);
    return;
  }
  try {
    const conflict = lockBytes(image);
    if (conflict === undefined) return;
    // What we hold already must not be taken for somebody else's.
    unlock(image, LOCK_BYTES);
    const users = describeFileUsers(fstatSync(image.number), image.number, conflict.pid);
    throw new VfioUserError('VFU_SYSTEM_ERROR', refusal(image, conflict, users));
  } catch (error) {
    if (!(error instanceof SystemError) || !NO_LOCKS.includes(error.errno)) throw error;
    warn(image, error.message, logger);
  }
}

interface Conflict extends HeldLock {
  readonly isWriter: boolean;
}

/** Locks first and looks then: of two that come at the same time at most one stays. */
function lockBytes(image: LockedImage): Conflict | undefined {
  const held = image.isReadOnly ? [CONSISTENT_READ] : [CONSISTENT_READ, WRITE];
  const own = [
    ...held.map((bit) => HELD_BASE + bit),
    ...UNSHARED.map((bit) => UNSHARED_BASE + bit),
  ];
  for (const start of own) {
    // Only programs of another convention lock exclusively.
    if (!lockShared(image, byte(start))) return { pid: undefined, isWriter: true };
  }
  for (const bit of UNSHARED) {
    const lock = findLock(image, byte(HELD_BASE + bit));
    if (lock !== undefined) return { ...lock, isWriter: true };
  }
  for (const bit of held) {
    const lock = findLock(image, byte(UNSHARED_BASE + bit));
    if (lock !== undefined) return { ...lock, isWriter: false };
  }
  return undefined;
}

const byte = (start: number) => ({ start, length: 1 });

function refusal({ path, isReadOnly }: LockedImage, conflict: Conflict, users: string): string {
  const is = `nvme: file ${path}: is in use: ${users}`;
  if (isReadOnly) return `${is}; it is being written, so stop that first, or serve a copy`;
  return conflict.isWriter
    ? `${is}; two writers would destroy each other's data, so stop that first`
    : `${is}; it is being read and must not change, so stop that first, or give readonly=true`;
}

function warn({ path }: LockedImage, reason: string, logger: Logger): void {
  logger.warn(
    { path, reason },
    'nvme: the image cannot be locked here: make sure that nobody else writes to it',
  );
}
