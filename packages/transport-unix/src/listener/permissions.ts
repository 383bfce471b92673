import { chmodSync, chownSync, closeSync, constants, fstatSync, openSync } from 'node:fs';
import { VfioUserError } from '@vfio-user/core';
import { errorCode } from '@vfio-user/core/internal';
import { groupId } from '@vfio-user/posix-ffi';

export interface Group {
  readonly name: string;
  readonly id: number;
}

/** Who may connect to a socket file. */
export interface Permissions {
  readonly mode: number;
  readonly group: Group | undefined;
}

/** Names a file without opening it, as a socket cannot be (`O_PATH`, which Node does not list). */
const O_PATH = 0o10000000;
const KEEP = -1;

/** What a socket file may be made with: nobody gets in who should not, before it has its group. */
export function initialMode({ mode, group }: Permissions): number {
  return group === undefined ? mode : mode & 0o700;
}

/**
 * Give a socket file its group and mode. The path is looked at once, and no link is followed: who
 * can exchange the file meanwhile does not direct the change to another one.
 */
export function setPermissions(path: string, { mode, group }: Permissions): void {
  const descriptor = openSync(path, O_PATH | constants.O_NOFOLLOW);
  try {
    const file = fstatSync(descriptor);
    if (!file.isSocket()) {
      throw new VfioUserError('VFU_SYSTEM_ERROR', `${path} was replaced while it was made`);
    }
    const name = `/proc/self/fd/${descriptor}`;
    if (group !== undefined && group.id !== file.gid) changeGroup(path, name, group);
    if ((file.mode & 0o777) !== mode) chmodSync(name, mode);
  } finally {
    closeSync(descriptor);
  }
}

function changeGroup(path: string, file: string, { name, id }: Group): void {
  try {
    chownSync(file, KEEP, id);
  } catch (cause) {
    if (errorCode(cause) !== 'EPERM') throw cause;
    throw new VfioUserError(
      'VFU_SYSTEM_ERROR',
      `cannot give ${path} to the group ${name}: this user is not in it. Add it to the group (usermod -aG ${name} USER, from the next login on), or run as root`,
      { cause },
    );
  }
}

/**
 * The group that an option names, by name or number.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` when there is none.
 */
export function findGroup(group: string | number): Group {
  const name = String(group);
  const id = /^\d+$/.test(name) ? Number(name) : groupId(name);
  if (id !== undefined && id < NO_GROUP) return { name, id };
  throw new VfioUserError(
    'VFU_CONFIG_INVALID',
    `there is no group ${name} on this machine: getent group lists them`,
  );
}

/** The number that means none. */
const NO_GROUP = 0xffff_ffff;
