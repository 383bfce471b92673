import { VfioUserError } from '@vfio-user/core';

/** Nobody answered. */
export function timedOut(timeoutMs: number): VfioUserError {
  return new VfioUserError(
    'VFU_TIMEOUT',
    `no answer within ${Math.round(timeoutMs)} ms: is the machine up, and does a firewall let us through?`,
  );
}
