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

/** What an {@link RdmaError} can say besides its message. */
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

/** A verb that returned this errno; `about` says what it was to work on. */
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

/** The error for a completion whose status is not SUCCESS; `about` says which operation it was. */
export function completionError(status: number, about: string): RdmaError {
  return new RdmaError(
    'RDMA_COMPLETION_FAILED',
    `${about} failed: ${completionStatusText(status)}`,
    { status },
  );
}

/** Something was used after its `close()`, or after that of what it belongs to. */
export function closed(what: string): RdmaError {
  return new RdmaError('RDMA_CLOSED', `${what} is closed`);
}

/** Any value as text for a message: a peer's object may have no text of its own. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : inspect(value, { depth: 0 });
}

/** An argument that cannot be right. */
export function invalid(message: string): RdmaError {
  return new RdmaError('RDMA_INVALID', message);
}
