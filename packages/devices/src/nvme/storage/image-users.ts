import { existsSync, type Stats, statSync } from 'node:fs';
import { basename } from 'node:path';
import { systemNames, systemText } from '@vfio-user/posix-ffi';
import { attempt, deviceId } from './sysfs.js';

/** A command line is shown up to here. */
const MAX_COMMAND_LENGTH = 120;

const UNSEEN = 'by whom cannot be seen from here (another user, container or machine)';

/** Who uses a block device, as far as it can be seen from here: mounts, swap, volumes, processes. */
export function describeDeviceUsers({ rdev }: Stats): string {
  const ids = relatedDevices(deviceId(rdev));
  const users = [
    ...mounts(ids),
    ...swapAreas(ids),
    ...ids.flatMap(holders),
    ...processes((stats) => stats.isBlockDevice() && ids.includes(deviceId(stats.rdev))),
  ];
  return users.length === 0 ? UNSEEN : users.join(', ');
}

/** Who else has the file open; `pid` where it is known. `ownNumber` is our descriptor of it. */
export function describeFileUsers(
  { dev, ino }: Stats,
  ownNumber: number,
  pid: number | undefined,
): string {
  if (pid !== undefined) return openIn(pid);
  const users = processes((stats) => stats.dev === dev && stats.ino === ino, ownNumber);
  return users.length === 0 ? UNSEEN : users.join(', ');
}

/**
 * The processes that have a file open for which `isIt` holds; of these, those that lock it, if any.
 * Our own descriptor `ownNumber` does not count.
 */
function processes(isIt: (stats: Stats) => boolean, ownNumber?: number): string[] {
  const users: string[] = [];
  const lockHolders: string[] = [];
  for (const pid of systemNames('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const open = systemNames(`/proc/${pid}/fd`).filter((fd) => {
      if (Number(fd) === ownNumber && Number(pid) === process.pid) return false;
      const stats = stat(`/proc/${pid}/fd/${fd}`);
      return stats !== undefined && isIt(stats);
    });
    if (open.length === 0) continue;
    const hasLock = open.some((fd) => /^lock:/m.test(systemText(`/proc/${pid}/fdinfo/${fd}`)));
    (hasLock ? lockHolders : users).push(openIn(pid));
  }
  return lockHolders.length > 0 ? lockHolders : users;
}

/** Number and command line of a process; programs without their folders, so that the arguments are seen. */
function openIn(pid: string | number): string {
  const command = systemText(`/proc/${pid}/cmdline`)
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .replace(/^\S*\//, '')
    .replace(/^(\S+ )\/\S*\//, '$1')
    .trim();
  const shown =
    command.length > MAX_COMMAND_LENGTH ? `${command.slice(0, MAX_COMMAND_LENGTH)}...` : command;
  return `open in process ${pid}${shown === '' ? '' : ` (${shown})`}`;
}

/** The device itself, its partitions, and the disk it is a partition of. */
function relatedDevices(id: string): readonly string[] {
  const folder = `/sys/dev/block/${id}`;
  const names = existsSync(`${folder}/partition`) ? ['..'] : systemNames(folder);
  const others = names.map((name) => systemText(`${folder}/${name}/dev`));
  return [id, ...others.filter((other) => /^\d+:\d+$/.test(other))];
}

function mounts(ids: readonly string[]): string[] {
  return systemText('/proc/self/mountinfo')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , id, , , ...rest]) => {
      // Some file systems (btrfs) have numbers of their own there, and the device by name.
      const source = rest[rest.indexOf('-') + 2];
      return id !== undefined && (ids.includes(id) || isOneOf(source, ids));
    })
    .map(([, , , , target]) => `mounted on ${target}`);
}

function swapAreas(ids: readonly string[]): string[] {
  return systemText('/proc/swaps')
    .split('\n')
    .map((line) => line.split(/\s/)[0])
    .filter((path) => isOneOf(path, ids))
    .map((path) => `swap on ${path}`);
}

function isOneOf(path: string | undefined, ids: readonly string[]): boolean {
  if (path === undefined || !path.startsWith('/')) return false;
  const stats = stat(path);
  return stats?.isBlockDevice() === true && ids.includes(deviceId(stats.rdev));
}

/** Devices that are made of this one, such as logical volumes. */
function holders(id: string): string[] {
  return systemNames(`/sys/dev/block/${id}/holders`).map((name) => {
    const volume = systemText(`/sys/block/${basename(name)}/dm/name`);
    return `part of ${name}${volume === '' ? '' : ` (${volume})`}`;
  });
}

function stat(path: string): Stats | undefined {
  return attempt(() => statSync(path));
}
