import { VfioUserError } from '@vfio-user/core';
import { attemptFailed } from '@vfio-user/core/internal';

/** Nobody answered. */
export function timedOut(timeoutMs: number): VfioUserError {
  return new VfioUserError(
    'VFU_TIMEOUT',
    `no answer within ${Math.round(timeoutMs)} ms: is the machine up, and does a firewall let us through?`,
  );
}

/** An address that did not answer, and why. */
export interface FailedAttempt {
  readonly ip: string;
  readonly error: unknown;
}

/** None of the addresses of `host` answered: `what` says what was attempted. */
export function unreachable(
  what: string,
  host: string,
  failed: readonly FailedAttempt[],
): VfioUserError {
  const [only] = failed;
  if (failed.length === 1 && only?.ip === host) {
    return attemptFailed('connect-network', what, only.error);
  }
  const errors = failed.map(({ ip, error }) => attemptFailed('connect-network', ip, error));
  const text = `${what}: ${errors.map(({ message }) => message).join('; ')}`;
  return new VfioUserError(common(errors, 'code') ?? 'VFU_SYSTEM_ERROR', text, {
    cause: errors.length === 1 ? errors[0] : new AggregateError(errors),
    advice: common(errors, 'advice'),
  });
}

/** What all of them say, if they agree. */
function common<Name extends 'code' | 'advice'>(
  [first, ...others]: readonly VfioUserError[],
  name: Name,
): VfioUserError[Name] | undefined {
  const said = first?.[name];
  return others.every((each) => each[name] === said) ? said : undefined;
}
