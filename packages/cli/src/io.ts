/** The outside world of a command, so that tests can stand in for it. */
export interface Io {
  /** Results. */
  stdout(text: string): void;
  /** Errors in words; logs go to the logger. */
  stderr(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The process's own. */
export const processIo: Io = {
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  env: process.env,
};

/** What a command gets beside its arguments. */
export interface CommandContext {
  readonly io: Io;
  /** Exit status of a command that ended without an error. */
  exitCode: number;
}
