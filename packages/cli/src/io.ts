import type { Writable } from 'node:stream';
import { standardOutput } from './non-blocking-output.js';

/** The outside world of a command, so that tests can stand in for it. */
export interface Io {
  /** Results. */
  stdout(text: string): void;
  /** The same, for results that keep coming: it says when its reader is slow. */
  readonly stdoutStream: Writable & { readonly isTTY?: boolean };
  /** Errors in words; logs go to the logger. */
  stderr(text: string): void;
  /** A line for whoever started this. Unlike a result it is no reason to wait for its reader. */
  announce?(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** End at once, for when a reader of stdout neither reads nor leaves. */
  exit(code: number): void;
}

/** The process's own. */
export const processIo: Io = {
  stdout: (text) => void process.stdout.write(text),
  stdoutStream: process.stdout,
  stderr: (text) => standardOutput(2).writeLast(text),
  announce: (text) => standardOutput(1).write(text),
  env: process.env,
  exit: (code) => process.exit(code),
};

/** What a command gets beside its arguments. */
export interface CommandContext {
  readonly io: Io;
  /** Exit status of a command that ended without an error. */
  exitCode: number;
}
