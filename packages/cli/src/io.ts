import type { Writable } from 'node:stream';
import { standardOutput } from './non-blocking-output.js';

/** Input and output of a command, replaceable in tests. */
export interface Io {
  /** Results. */
  stdout(text: string): void;
  /** Standard output as a stream with back-pressure, for continuous results. */
  readonly stdoutStream: Writable & { readonly isTTY?: boolean };
  /** Errors; logs go to the logger. */
  stderr(text: string): void;
  /** A line for the parent process; dropped if nobody reads it. */
  announce?(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Exit at once, when a reader of stdout neither reads nor closes it. */
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

/** What every command gets, besides its arguments. */
export interface CommandContext {
  readonly io: Io;
  /** Exit status of a command that ended without an error. */
  exitCode: number;
}
