import { fileURLToPath } from 'node:url';
import { Program } from '@vfio-user/support';
import type { Test } from 'tap';

/** The built command: `npm test` builds it first. */
export const COMMAND = fileURLToPath(new URL('../bin/vfio-user.js', import.meta.url));

export interface StartOptions {
  /** A descriptor of this process that becomes descriptor 3 of the command. */
  readonly inherit?: number;
  /** Shell words put before the command, for example `LISTEN_PID=$$`. */
  readonly prefix?: string;
}

/** Runs the command until the test ends. */
export function runCli(
  t: Test,
  args: readonly string[],
  { inherit, prefix = '' }: StartOptions = {},
): Program {
  const words = [process.execPath, COMMAND, ...args];
  const script = `${prefix} exec ${words.map((word) => `'${word}'`).join(' ')}`;
  const options = inherit === undefined ? {} : { inherit };
  const program = new Program(['sh', '-c', script], options);
  t.teardown(() => program.kill());
  return program;
}
