import { fchmodSync, lstatSync, unlinkSync } from 'node:fs';
import { attemptFailed, errorCode } from '@vfio-user/core/internal';
import {
  bind,
  connect,
  type FileDescriptor,
  listen,
  streamSocket,
  unixSocketAddress,
} from '@vfio-user/posix-ffi';
import { pathConflictAt } from '../path-conflict.js';
import { initialMode, type Permissions, setPermissions } from './permissions.js';

/** A listening socket and its socket file. */
export interface BoundSocket {
  readonly socket: FileDescriptor;
  /** Remove the socket file, if it is still the one that was made here. */
  unlink(): void;
}

/** Options of {@link bindSocket}. */
export interface BindSocketOptions extends Permissions {
  readonly backlog: number;
}

/** Bind and listen. A stale socket file is replaced. */
export function bindSocket(
  path: string,
  { backlog, ...permissions }: BindSocketOptions,
): BoundSocket {
  const socket = streamSocket();
  let unlink = (): void => {};
  try {
    // The file that bind() makes has the socket's own mode, less the umask: it is never more open.
    fchmodSync(socket.number, initialMode(permissions));
    bindReplacingStale(socket, path);
    if (!path.startsWith('@')) {
      const file = inodeOf(path);
      unlink = () => {
        if (file !== undefined && inodeOf(path) === file) unlinkSync(path);
      };
      setPermissions(path, permissions);
    }
    // Until now nobody could connect.
    listen(socket, backlog);
    return { socket, unlink };
  } catch (error) {
    unlink();
    socket.close();
    const key = errorCode(error) === 'EADDRINUSE' ? pathConflictAt(path) : undefined;
    throw attemptFailed('listen-unix', `cannot listen on ${path}`, error, key && { key });
  }
}

function bindReplacingStale(socket: FileDescriptor, path: string): void {
  const address = unixSocketAddress(path);
  try {
    bind(socket, address);
    return;
  } catch (error) {
    if (errorCode(error) !== 'EADDRINUSE' || !removeStale(path, address)) throw error;
  }
  bind(socket, address);
}

/**
 * Removes a stale socket file.
 * @returns whether to try again.
 */
function removeStale(path: string, address: Uint8Array): boolean {
  if (path.startsWith('@')) return false;
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return true;
  if (!found.isSocket() || answers(address)) return false;
  // Another process may have replaced it while we asked.
  if (inodeOf(path) === fileKey(found)) unlinkSync(path);
  return true;
}

/** Whether a process listens there. One whose backlog is full does. */
function answers(address: Uint8Array): boolean {
  const probe = streamSocket();
  try {
    connect(probe, address);
    return true;
  } catch (error) {
    return errorCode(error) !== 'ECONNREFUSED';
  } finally {
    probe.close();
  }
}

/** What tells one file from another, or `undefined` if there is none. */
function inodeOf(path: string): string | undefined {
  const status = lstatSync(path, { throwIfNoEntry: false });
  return status === undefined ? undefined : fileKey(status);
}

function fileKey({
  dev,
  ino,
  birthtimeMs,
}: {
  dev: number;
  ino: number;
  birthtimeMs: number;
}): string {
  // An inode number is reused at once after an unlink, the time of its birth is not.
  return `${dev}:${ino}:${birthtimeMs}`;
}
