import { VfioUserError } from '@vfio-user/core';
import { errorCode } from '@vfio-user/core/internal';
import { systemFailure } from './system-failure.js';

/** The peer shut down its reading half only. */
export function readsNoMore(peer: string): VfioUserError {
  return new VfioUserError('VFU_PEER_CLOSED', `${peer} reads no more: connection ended`);
}

const losses: Readonly<Record<string, string>> = {
  ECONNRESET: 'broke off the connection',
  EPIPE: 'broke off the connection',
  ETIMEDOUT: 'vanished: it acknowledged nothing in time',
  EHOSTUNREACH: 'vanished: there is no way to its machine any more',
  ENETUNREACH: 'vanished: there is no way to its network any more',
};

/** A system call on the connection failed. `what` says what it was for. */
export function lost(peer: string, what: string, cause: unknown): VfioUserError {
  const text = losses[String(errorCode(cause))];
  if (text === undefined) return systemFailure(`cannot ${what} ${peer}`, cause);
  return new VfioUserError('VFU_PEER_CLOSED', `${peer} ${text}`, { cause });
}
