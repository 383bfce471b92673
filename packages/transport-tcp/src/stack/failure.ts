import { VfioUserError } from '@vfio-user/core';

/** Nobody answered. */
export function timedOut(timeoutMs: number): VfioUserError {
  return new VfioUserError(
    'VFU_TIMEOUT',
    `no answer within ${timeoutMs} ms: is the machine up, and does a firewall let us through?`,
  );
}

const hints: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there, start the server first',
  EADDRINUSE: 'another process listens there already, stop it or choose another port',
  EADDRNOTAVAIL: 'this machine does not have that address',
  EACCES: 'this user may not, ports below 1024 are for root',
  EHOSTUNREACH: 'there is no way to that machine',
  ENETUNREACH: 'there is no way to that network',
};

/** Wrap what a socket failed with: `what` says what was attempted. */
export function socketFailure(what: string, cause: unknown): VfioUserError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const hint = hints[errorCode(cause) ?? ''];
  const code = VfioUserError.is(cause) ? cause.code : 'VFU_SYSTEM_ERROR';
  return new VfioUserError(code, `${what}: ${hint === undefined ? '' : `${hint} - `}${reason}`, {
    cause,
  });
}

/** The symbolic name of a system error, for example `EPIPE`. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}
