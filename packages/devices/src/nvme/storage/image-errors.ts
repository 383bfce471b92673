import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readlinkSync,
  type Stats,
  statSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { VfioUserError } from '@vfio-user/core';

/** Why an image cannot be used, and what to do about it. */
export function imageError(path: string, reason: string, cause?: unknown): VfioUserError {
  return new VfioUserError('VFU_CONFIG_INVALID', `nvme: file ${path}: ${reason}`, { cause });
}

/** What is there now, `undefined` for nothing. */
export function statImage(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw imageError(path, reasonOf(path, error), error);
  }
}

/** Whether devices are expected there. A file made there instead would fill the host's memory. */
export function isDevicePath(path: string): boolean {
  return /^\/dev\/(?!shm\/)/.test(resolve(path));
}

/** Why something of this kind is no image. */
export function kindRefusal(stats: Stats): string | undefined {
  if (stats.isFile() || stats.isBlockDevice()) return undefined;
  return stats.isDirectory()
    ? 'is a folder; name a file in it'
    : 'is neither a regular file nor a block device';
}

/** How the image was meant to be opened. */
interface Attempt {
  readonly isReadOnly: boolean;
  readonly size?: number | undefined;
}

/** Why `open` failed. */
export function openRefusal(
  path: string,
  error: unknown,
  attempt: Attempt,
  exists: boolean,
): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return missingRefusal(path, attempt);
    case 'EACCES':
    case 'EPERM':
      if (!exists) return `this user may not create files in ${dirname(path)}`;
      return permissionRefusal(path, (error as NodeJS.ErrnoException).code, attempt);
    case 'EROFS':
      return exists
        ? 'is on a read-only file system; give readonly=true'
        : 'cannot be created, the file system is read-only';
    case 'ENXIO':
    case 'ENODEV':
    case 'ENOMEDIUM':
      return 'nothing is attached to the device';
    default:
      return reasonOf(path, error);
  }
}

function permissionRefusal(
  path: string,
  code: string | undefined,
  { isReadOnly }: Attempt,
): string {
  const mayRead = !isReadOnly && isReadable(path);
  if (code === 'EPERM') {
    // Not for want of permissions: those give EACCES.
    if (mayRead)
      return 'may not be changed; lsattr shows if it is immutable (chattr -ia ends that)';
    if (isDevicePath(path)) return 'this process may not use the device; give it to its container';
  }
  return mayRead
    ? 'this user may read it but not write to it; change its permissions, or give readonly=true'
    : 'this user may not read it; change its permissions, or run as another user';
}

function missingRefusal(path: string, { isReadOnly, size }: Attempt): string {
  if (isDevicePath(path)) return 'there is no such device; is it attached?';
  if (!existsSync(dirname(path))) return `there is no folder ${dirname(path)}; make it first`;
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true) {
    return `is a symbolic link to ${readlinkSync(path)}, which does not exist`;
  }
  if (isReadOnly) return 'does not exist, and readonly=true creates nothing';
  return size === undefined
    ? 'does not exist; give size=... to create it'
    : 'files cannot be created there; choose another path';
}

/** What the operating system says, in words, and what to do. */
export function reasonOf(path: string, error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EACCES':
      return `this user may not look into ${dirname(path)}`;
    case 'ENOTDIR':
      return `${dirname(path)} is not a folder`;
    case 'EISDIR':
      return 'is a folder; name a file in it';
    case 'ELOOP':
      return 'its symbolic links lead in a circle';
    case 'ETXTBSY':
      return 'is swap space that is in use (swapoff ends that), or a program that runs';
    case 'EFBIG':
      return 'files of that size cannot be: more than the file system can hold, or than ulimit -f';
    case 'ENOSPC':
    case 'EDQUOT':
      return 'there is no room for it on the disk, or none left for this user';
    default:
      return (error as Error).message;
  }
}

function isReadable(path: string): boolean {
  try {
    closeSync(openSync(path, 'r'));
    return true;
  } catch {
    return false;
  }
}
