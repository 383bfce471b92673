import type { Writable } from 'node:stream';
import { standardOutput } from './non-blocking-output.js';

/** The outside world of a command, so that tests can stand in for it. */
export interface Io {
  /** Results. */
  stdout(text: string): void;
  /** Standard output as a stream, with back-pressure, for results that keep coming. */
  readonly stdoutStream: Writable & { readonly isTTY?: boolean };
  /** Errors; logs go to the logger. */
  stderr(text: string): void;
  /** A line for whoever started the process; dropped rather than waited for if nobody reads it. */
  announce?(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** End at once, for when a reader of stdout neither reads nor leaves. */
  exit(code: number): void;
}

/** Those of this process. */
export const processIo: Io = {
  stdout: (text) => void process.stdout.write(text),
  stdoutStream: process.stdout,
  stderr: (text) => standardOutput(2).writeLast(text),
  announce: (text) => standardOutput(1).write(text),
  env: process.env,
  exit: (code) => process.exit(code),
};

/** What every command runs with, besides its arguments. */
export interface CommandContext {
  readonly io: Io;
  /** Exit status of a command that ended without an error. */
  exitCode: number;
}
