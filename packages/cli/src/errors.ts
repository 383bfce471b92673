import type { VfioUserErrorCode } from '@vfio-user/core';

/** Exit statuses of the command. */
export const ExitCode = {
  OK: 0,
  /** Something failed while running. */
  FAILURE: 1,
  /** The command line or a device setting is wrong; nothing was started. */
  USAGE: 2,
  /** Ended at once by a second SIGINT (128 + 2). */
  INTERRUPTED: 130,
} as const;

/** The command line is wrong. */
export class UsageError extends Error {
  readonly code = 'VFU_CONFIG_INVALID' satisfies VfioUserErrorCode;
}

/** An error, ready to be printed. */
export interface ErrorReport {
  readonly text: string;
  readonly exitCode: number;
}

const HINTS: Readonly<Partial<Record<VfioUserErrorCode, string>>> = {
  VFU_PEER_CLOSED:
    'The other side closed the connection; its log says why. Is it a vfio-user peer?',
  VFU_PROTOCOL_VIOLATION:
    'The other side does not follow the vfio-user protocol: `vfio-user trace` shows what the two say.',
  VFU_TIMEOUT: 'The other side is busy or stuck: its log may say what it waits for.',
  VFU_UNSUPPORTED: '`vfio-user doctor` says what this machine offers.',
};

/** Describe an error: a line, a hint if there is one, and an exit status. */
export async function reportError(error: unknown): Promise<ErrorReport> {
  const code = await ownCode(error);
  if (!(error instanceof Error) || (code === undefined && !isSystemError(error))) {
    return { text: unexpectedText(error), exitCode: ExitCode.FAILURE };
  }
  const text = `vfio-user: ${error.message}`;
  const advice = adviceOf(error) ?? HINTS[code ?? 'VFU_SYSTEM_ERROR'];
  return {
    text: advice === undefined ? text : `${text}\n  ${advice}`,
    exitCode: code === 'VFU_CONFIG_INVALID' ? ExitCode.USAGE : ExitCode.FAILURE,
  };
}

/** For an error that was not thrown on purpose: with its stack, for a bug report. */
export function unexpectedText(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `vfio-user: unexpected error: ${stack}`;
}

/** The code of a `VfioUserError`; `undefined` for other errors. */
async function ownCode(error: unknown): Promise<VfioUserErrorCode | undefined> {
  if (error instanceof UsageError) return error.code;
  // Loaded only now: `--help` and wrong usage do without the core, and so answer at once.
  const { VfioUserError } = await import('@vfio-user/core');
  return VfioUserError.is(error) ? error.code : undefined;
}

/** The advice of the error or of the nearest of its causes that has any. */
function adviceOf(error: Error): string | undefined {
  for (const each of causesOf(error)) {
    if ('advice' in each && typeof each.advice === 'string') return each.advice;
  }
  return undefined;
}

/** Whether the operating system gave the error. */
function isSystemError(error: Error): boolean {
  return causesOf(error).some((each) => 'code' in each && /^E[A-Z0-9]+$/.test(String(each.code)));
}

/** The error, its cause, and so on. */
function causesOf(error: Error): Error[] {
  const found: Error[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) found.push(at);
  return found;
}
