import { VfioUserError } from '@vfio-user/core';

/** Wrap what a system call threw: `what` says what was attempted and, if there is a way out, which. */
export function systemFailure(what: string, cause: unknown): VfioUserError {
  if (VfioUserError.is(cause)) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new VfioUserError('VFU_SYSTEM_ERROR', `${what}: ${reason}`, { cause });
}
