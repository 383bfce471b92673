import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UsageError } from '../../errors.js';
import type { Io } from '../../io.js';

/** systemd passes its sockets from this descriptor on (sd_listen_fds). */
const FIRST_DESCRIPTOR = 3;

/** The options that say where to listen; at most one may be given. */
export interface ListenOptions {
  readonly listen?: string | undefined;
  readonly socketPath?: string | undefined;
  readonly fd?: string | undefined;
}

/**
 * The one URI to listen on, from our own option, QEMU's conventions or systemd.
 * @throws {UsageError} when there is none or more than one.
 */
export function listenUri({ listen, socketPath, fd }: ListenOptions, io: Io): string {
  const given: string[] = [];
  if (listen !== undefined) given.push(listen);
  if (socketPath !== undefined) given.push(`unix://${pathToFileURL(resolve(socketPath)).pathname}`);
  if (fd !== undefined) given.push(`fd:${descriptorNumber(fd)}`);
  if (given.length > 1) {
    throw new UsageError('--listen, --socket-path and --fd exclude each other: give one of them');
  }
  const activated = given.length === 0 ? activatedDescriptor(io.env, process.pid) : undefined;
  const uri = given[0] ?? (activated === undefined ? undefined : `fd:${activated}`);
  if (uri === undefined) {
    throw new UsageError('where to listen? Give --listen <uri>, for example unix:///tmp/dev.sock');
  }
  return uri;
}

function descriptorNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) {
    throw new UsageError(`--fd ${text}: expected the number of an open descriptor, for example 3`);
  }
  return Number(text);
}

/**
 * The listening socket that systemd's socket activation handed to process `pid`, if it did.
 * @throws {UsageError} when it handed over more than one.
 */
function activatedDescriptor(env: Io['env'], pid: number): number | undefined {
  if (env.LISTEN_PID !== String(pid)) return undefined;
  const count = Number(env.LISTEN_FDS);
  if (!Number.isInteger(count) || count < 1) return undefined;
  if (count > 1) {
    throw new UsageError(
      `LISTEN_FDS=${count}: one device needs one socket, so one ListenStream= in the unit`,
    );
  }
  return FIRST_DESCRIPTOR;
}
