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
 * What the errno of a refused VERSION means. The native encoding has room for the number only, so a
 * bridge chooses the one that says most about its device ({@link errnoOfUnreachable}).
 */
const meanings: ReadonlyMap<number, string> = new Map([
  [EBUSY, 'the device serves another client'],
  [EINVAL, 'it does not accept our version or capabilities'],
  [ENODEV, 'it is a bridge, and its device is out of reach'],
  [ECONNREFUSED, 'it is a bridge, and nobody listens where its device should be'],
  [ENOENT, 'it is a bridge, and there is no socket where its device should be'],
  [ETIMEDOUT, 'it is a bridge, and its device does not answer'],
  [EHOSTUNREACH, 'it is a bridge, and there is no way to the machine of its device'],
  [ENETUNREACH, 'it is a bridge, and there is no way to the network of its device'],
  [ECONNRESET, 'it is a bridge, and its device closed the connection'],
  [EACCES, 'it is a bridge, and it may not connect to its device'],
  [EPROTO, 'it is a bridge, and what it found in place of its device does not speak vfio-user'],
]);

/** Why a client was turned away, for one that was told a number. */
export function turnedAwayText(errno: number): string {
  const meaning = meanings.get(errno);
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

/** The number that says most about why a device cannot be reached; its own, if it gave one. */
export function errnoOfUnreachable(error: unknown): number {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (at instanceof RemoteError && at.errno !== 0) return at.errno;
    const errno = byName[errorCode(at) ?? ''];
    if (errno !== undefined) return errno;
  }
  return (VfioUserError.is(error) && byCode[error.code]) || ENODEV;
}
