import { errorCode } from '../causes.js';
import {
  EACCES,
  EBUSY,
  ECONNREFUSED,
  ECONNRESET,
  EHOSTUNREACH,
  EINVAL,
  ENETUNREACH,
  ENODEV,
  ENOENT,
  EPROTO,
  ETIMEDOUT,
  errnoText,
} from '../errno.js';
import { RemoteError, VfioUserError, type VfioUserErrorCode } from '../errors.js';

/**
 * What the errno of a VERSION refused by a bridge says about its device. The native encoding
 * carries only the number: {@link errnoOfUnreachable} chooses the most informative one.
 */
const unreachable: ReadonlyMap<number, string> = new Map([
  [ENODEV, 'its device is out of reach'],
  [ECONNREFUSED, 'nobody listens where its device should be'],
  [ENOENT, 'there is no socket where its device should be'],
  [ETIMEDOUT, 'its device does not answer'],
  [EHOSTUNREACH, 'there is no way to the machine of its device'],
  [ENETUNREACH, 'there is no way to the network of its device'],
  [ECONNRESET, 'its device closed the connection'],
  [EACCES, 'it may not connect to its device'],
  [EPROTO, 'what it found in place of its device does not speak vfio-user'],
]);

/** Whether a bridge refuses VERSION with this errno because of its device. */
export function isUnreachable(errno: number): boolean {
  return unreachable.has(errno);
}

function meaningOf(errno: number): string | undefined {
  if (errno === EBUSY) return 'the device serves another client';
  if (errno === EINVAL) return 'it does not accept our version or capabilities';
  const why = unreachable.get(errno);
  return why && `it is a bridge, and ${why}`;
}

/** Explains to a client why VERSION was refused with this errno. */
export function turnedAwayText(errno: number): string {
  const meaning = meaningOf(errno);
  return meaning === undefined
    ? errnoText(errno)
    : `${meaning} (errno ${errno}); its log says more`;
}

const byName: Readonly<Record<string, number>> = {
  EACCES,
  ECONNREFUSED,
  ECONNRESET,
  EHOSTUNREACH,
  ENETUNREACH,
  ENOENT,
  ETIMEDOUT,
};

const byCode: Readonly<Partial<Record<VfioUserErrorCode, number>>> = {
  VFU_TIMEOUT: ETIMEDOUT,
  VFU_PROTOCOL_VIOLATION: EPROTO,
  VFU_PEER_CLOSED: ECONNRESET,
};

/** The most informative errno for an unreachable device; its own, if it gave one. */
export function errnoOfUnreachable(error: unknown): number {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (at instanceof RemoteError && at.errno !== 0) return at.errno;
    const errno = byName[errorCode(at) ?? ''];
    if (errno !== undefined) return errno;
  }
  return (VfioUserError.is(error) && byCode[error.code]) || ENODEV;
}
