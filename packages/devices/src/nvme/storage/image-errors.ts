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
    throw imageError(path, pathRefusal(path, error), error);
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
      return !attempt.isReadOnly && isReadable(path)
        ? 'this user may read it but not write to it; change its permissions, or give readonly=true'
        : 'this user may not read it; change its permissions, or run as another user';
    case 'EROFS':
      return exists
        ? 'is on a read-only file system; give readonly=true'
        : 'cannot be created, the file system is read-only';
    case 'ENXIO':
    case 'ENODEV':
    case 'ENOMEDIUM':
      return 'nothing is attached to the device';
    default:
      return pathRefusal(path, error);
  }
}

function missingRefusal(path: string, { isReadOnly }: Attempt): string {
  if (isDevicePath(path)) return 'there is no such device; is it attached?';
  if (!existsSync(dirname(path))) return `there is no folder ${dirname(path)}; make it first`;
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true) {
    return `is a symbolic link to ${readlinkSync(path)}, which does not exist`;
  }
  return isReadOnly
    ? 'does not exist, and readonly=true creates nothing'
    : 'does not exist; give size=... to create it';
}

/** Why a path leads nowhere. */
function pathRefusal(path: string, error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EACCES':
      return `this user may not look into ${dirname(path)}`;
    case 'ENOTDIR':
      return `${dirname(path)} is not a folder`;
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
