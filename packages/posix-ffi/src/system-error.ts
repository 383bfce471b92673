import { getSystemErrorMap } from 'node:util';
import { ENOLCK } from './constants.js';

/** What Node does not know. */
const OTHERS: ReadonlyMap<number, [string, string]> = new Map([
  [ENOLCK, ['ENOLCK', 'no locks available']],
]);

/** A system call that failed. */
export class SystemError extends Error {
  /** Symbolic name, for example `ECONNREFUSED`. */
  readonly code: string;
  /** The positive Linux number. */
  readonly errno: number;
  /** The call, for example `connect`. */
  readonly syscall: string;

  /** `detail` says what the call was about, for example a path. */
  constructor(errno: number, syscall: string, detail?: string) {
    // Node counts errors downwards, as libuv does.
    const [code, text] = getSystemErrorMap().get(-errno) ??
      OTHERS.get(errno) ?? [`errno ${errno}`, 'unknown error'];
    super(`${syscall}${detail === undefined ? '' : ` ${detail}`}: ${text} (${code})`);
    this.name = 'SystemError';
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
  }
}
