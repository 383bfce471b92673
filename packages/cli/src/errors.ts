import type { VfioUserErrorCode } from '@vfio-user/core';
import { BenchError } from './bench/errors.js';
import { ExitCode } from './exit-codes.js';

/** The command line asks for something that cannot be. */
export class UsageError extends Error {
  readonly code = 'VFU_CONFIG_INVALID' satisfies VfioUserErrorCode;
}

/** An error as a person at a terminal wants it. */
export interface ErrorReport {
  readonly text: string;
  readonly exitCode: number;
}

const HINTS: Readonly<Partial<Record<VfioUserErrorCode, string>>> = {
  VFU_PEER_CLOSED:
    'The other side closed the connection; its log says why. Is it a vfio-user peer?',
  VFU_PROTOCOL_VIOLATION: 'The other side does not follow the vfio-user protocol. -vv logs more.',
  VFU_TIMEOUT: 'The other side is busy or stuck: its log may say what it waits for.',
  VFU_UNSUPPORTED: '`vfio-user doctor` says what this machine offers.',
};

/** Hints by the errno name that the operating system gave. */
const SYSTEM_HINTS: Readonly<Record<string, string>> = {
  ENOENT: 'Nothing is there. Start the server first, and check the path.',
  ECONNREFUSED: 'Nobody listens there. Start the server first.',
  EADDRINUSE: 'Another server uses this address. Stop it, or choose another one.',
  EACCES:
    'Permission denied: a UNIX socket is for its owner only (use the same user, or another folder),\n  and a port below 1024 for root.',
};

/** Turn whatever was thrown into a line, a hint where there is one, and an exit status. */
export async function reportError(error: unknown): Promise<ErrorReport> {
  if (error instanceof BenchError) {
    return { text: `vfio-user: ${error.message}`, exitCode: ExitCode.FAILURE };
  }
  const code = await ownCode(error);
  const system = systemCode(error);
  if (!(error instanceof Error) || (code === undefined && system === undefined)) {
    return { text: unexpectedText(error), exitCode: ExitCode.FAILURE };
  }
  const text = `vfio-user: ${error.message}`;
  if (code === 'VFU_CONFIG_INVALID') return { text, exitCode: ExitCode.USAGE };
  const hint = SYSTEM_HINTS[system ?? ''] ?? (code && HINTS[code]);
  return {
    text: hint === undefined ? text : `${text}\n  ${hint}`,
    exitCode: ExitCode.FAILURE,
  };
}

/** For what was not thrown on purpose: the stack is what a bug report needs. */
export function unexpectedText(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `vfio-user: unexpected error: ${stack}`;
}

/** The code of an error that this project threw on purpose. */
async function ownCode(error: unknown): Promise<VfioUserErrorCode | undefined> {
  if (error instanceof UsageError) return error.code;
  // Loaded only now: `--help` and wrong usage do without the core, and so answer at once.
  const { VfioUserError } = await import('@vfio-user/core');
  return VfioUserError.is(error) ? error.code : undefined;
}

/** The errno name at the bottom of an error's causes. */
function systemCode(error: unknown): string | undefined {
  let found: string | undefined;
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string' && /^E[A-Z0-9]+$/.test(at.code))
      found = at.code;
  }
  return found;
}
