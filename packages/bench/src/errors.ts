import { VfioUserError } from '@vfio-user/core';

/** A benchmark cannot go on, or its results are not worth keeping. */
export class BenchError extends VfioUserError {
  constructor(message: string, options?: ErrorOptions) {
    super('VFU_SYSTEM_ERROR', message, options);
  }
}

/** Data arrived other than it was sent: whatever was measured means nothing. */
export class WrongDataError extends BenchError {}
