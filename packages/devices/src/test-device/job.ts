import { errno, type Logger, VfioUserError } from '@vfio-user/core';
import { benchRegisters } from './registers.js';

const { STATUS_BUSY, STATUS_DONE, STATUS_FAILED } = benchRegisters;

/** An operation started by a command register: the source of its STATUS and ERROR registers. */
export class Job {
  /** Before any was started. */
  static readonly NONE = new Job(undefined, 0);

  readonly #onEnd: () => void;
  #status: number;
  #error = 0;

  /** @param onEnd runs after the status says how the job ended. */
  constructor(onEnd: () => void = () => {}, status: number = STATUS_BUSY) {
    this.#onEnd = onEnd;
    this.#status = status;
  }

  get status(): number {
    return this.#status;
  }

  /** Linux errno, 0 while all is well. */
  get error(): number {
    return this.#error;
  }

  /** Check after every `await`: a job that ended must not access guest memory. */
  get running(): boolean {
    return this.#status === STATUS_BUSY;
  }

  /** Only the first end counts. */
  end(error = 0): void {
    if (!this.running) return;
    this.#error = error;
    this.#status = error === 0 ? STATUS_DONE : STATUS_DONE | STATUS_FAILED;
    this.#onEnd();
  }

  cancel(): void {
    this.end(errno.ECANCELED);
  }

  /** End it without `onEnd`. */
  abandon(): void {
    if (this.running) this.#status = STATUS_DONE;
  }
}

/** What an ERROR register shows for `cause`. A mistake of ours is logged, the guest sees EIO. */
export function errnoOf(cause: unknown, logger: Logger): number {
  if (!VfioUserError.is(cause)) {
    logger.error({ err: cause }, 'a bench operation failed unexpectedly');
    return errno.EIO;
  }
  if (cause.code === 'VFU_PEER_CLOSED') return errno.ENOTCONN;
  // A client may refuse an access without saying why.
  return 'errno' in cause && typeof cause.errno === 'number' && cause.errno > 0
    ? cause.errno
    : errno.EIO;
}

/**
 * Resolves to what went wrong, or to `undefined`. Never rejects, so that work which is awaited later
 * can fail earlier.
 */
export function outcomeOf(work: Promise<void>): Promise<unknown> {
  return work.then(nothing, failure);
}

function nothing(): undefined {
  return undefined;
}

function failure(cause: unknown): unknown {
  return cause;
}
