import { UsageError } from '../../errors.js';
import type { Io } from '../../io.js';

/** systemd passes its sockets from this descriptor on (sd_listen_fds). */
const FIRST_DESCRIPTOR = 3;

/**
 * The listening socket that systemd's socket activation handed to process `pid`, if it did.
 * @throws {UsageError} when it handed over more than one.
 */
export function activatedDescriptor(env: Io['env'], pid: number): number | undefined {
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
