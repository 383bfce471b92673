import { closeSync, existsSync, lstatSync, openSync, type Stats, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { VfioUserError } from '@vfio-user/core';
import { type Attempt, attemptFailed, errorCode } from '@vfio-user/core/internal';

/** Why an image cannot be used, and what to do about it. */
export function imageError(path: string, reason: string): VfioUserError {
  return new VfioUserError('VFU_CONFIG_INVALID', `nvme: file ${path}: ${reason}`);
}

/** What the operating system refused to do with an image, or what stands in the way (`key`). */
export function imageFailed(
  attempt: Attempt,
  path: string,
  error?: unknown,
  key = errorCode(error),
): VfioUserError {
  return attemptFailed(attempt, `nvme: file ${path}`, error, { code: 'VFU_CONFIG_INVALID', key });
}

/** What is there now, `undefined` for nothing. */
export function statImage(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    const code = errorCode(error);
    throw imageFailed('open-image', path, error, code === 'EACCES' ? 'a closed folder' : code);
  }
}

/** Whether devices are expected there. A file made there instead would fill the host's memory. */
export function isDevicePath(path: string): boolean {
  return /^\/dev\/(?!shm\/)/.test(resolve(path));
}

/** @throws {VfioUserError} for what is neither a file nor a block device. */
export function checkKind(path: string, stats: Stats): void {
  if (stats.isFile() || stats.isBlockDevice()) return;
  const key = stats.isDirectory() ? 'a folder' : 'no image';
  throw imageFailed('open-image', path, undefined, key);
}

/** How the image was meant to be opened. */
interface Opening {
  readonly isReadOnly: boolean;
  readonly size?: number | undefined;
}

/** Why `open` failed. */
export function openFailed(
  path: string,
  error: unknown,
  opening: Opening,
  exists: boolean,
): VfioUserError {
  const code = errorCode(error);
  if (code === 'ENOENT') return imageFailed('open-image', path, error, missing(path, opening));
  if (!exists) return imageFailed('write-file', path, error, code);
  const isRight = code === 'EACCES' || code === 'EPERM';
  return imageFailed('open-image', path, error, isRight ? missingRight(path, code, opening) : code);
}

function missing(path: string, { isReadOnly, size }: Opening): string {
  if (isDevicePath(path)) return 'no device';
  if (!existsSync(dirname(path))) return 'no folder';
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true) {
    return 'a dangling link';
  }
  if (isReadOnly) return 'to be read only';
  return size === undefined ? 'ENOENT' : 'no files';
}

function missingRight(path: string, code: 'EACCES' | 'EPERM', { isReadOnly }: Opening): string {
  const mayRead = !isReadOnly && isReadable(path);
  // EPERM is not for want of permissions: those give EACCES.
  if (code === 'EPERM' && mayRead) return code;
  if (code === 'EPERM' && isDevicePath(path)) return 'a device of others';
  return mayRead ? 'readable' : 'EACCES';
}

function isReadable(path: string): boolean {
  try {
    closeSync(openSync(path, 'r'));
    return true;
  } catch {
    return false;
  }
}
