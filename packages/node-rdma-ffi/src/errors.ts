import { getSystemErrorMap, inspect } from 'node:util';
import { adviceFor } from './advice.js';
import { completionStatusText } from './completion/status.js';

/** Stable codes to match on. */
export type RdmaErrorCode =
  | 'RDMA_UNAVAILABLE'
  | 'RDMA_VERB_FAILED'
  | 'RDMA_COMPLETION_FAILED'
  | 'RDMA_CLOSED'
  | 'RDMA_INVALID';

/** Properties of an {@link RdmaError} besides its message. */
export interface RdmaErrorOptions extends ErrorOptions {
  readonly verb?: string;
  readonly errno?: number;
  readonly status?: number;
}

/** Every error this package throws. */
export class RdmaError extends Error {
  readonly code: RdmaErrorCode;
  /** The C function that failed, for example `ibv_reg_mr`. */
  readonly verb: string | undefined;
  /** The positive Linux number, of a verb that failed. */
  readonly errno: number | undefined;
  /** The completion status, see `CompletionStatus`. */
  readonly status: number | undefined;

  constructor(code: RdmaErrorCode, message: string, options: RdmaErrorOptions = {}) {
    super(message, options);
    this.name = 'RdmaError';
    this.code = code;
    this.verb = options.verb;
    this.errno = options.errno;
    this.status = options.status;
  }
}

/** The error of a verb with this errno; `about` names the object. */
export function verbFailed(verb: string, errno: number, about?: string): RdmaError {
  // Node counts errors downwards, as libuv does.
  const [name, text] = getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, 'unknown error'];
  const advice = adviceFor(verb, name);
  return new RdmaError(
    'RDMA_VERB_FAILED',
    `${verb}${about === undefined ? '' : ` of ${about}`} failed: ${text} (${name})${advice === undefined ? '' : `; ${advice}`}`,
    { verb, errno },
  );
}

/** The error of a failed completion; `about` names the operation. */
export function completionError(status: number, about: string): RdmaError {
  return new RdmaError(
    'RDMA_COMPLETION_FAILED',
    `${about} failed: ${completionStatusText(status)}`,
    { status },
  );
}

/** The error for an object that is used after it, or its parent, was closed. */
export function closed(what: string): RdmaError {
  return new RdmaError('RDMA_CLOSED', `${what} is closed`);
}

/** Any value as text for a message: it may have no valid `toString`. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : inspect(value, { depth: 0 });
}

/** The error for an invalid argument. */
export function invalid(message: string): RdmaError {
  return new RdmaError('RDMA_INVALID', message);
}
