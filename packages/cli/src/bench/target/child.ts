import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { COMMAND } from '../../package.js';
import { BenchError } from '../errors.js';

/** Ends a server that has lost us, however we ended: its stdin is a pipe that only we hold. */
const LIFELINE = `data:text/javascript,${encodeURIComponent(
  "process.stdin.on('end', () => process.kill(process.pid)).resume().unref();",
)}`;
const STDERR_KEPT = 4000;
const KILL_AFTER_MS = 5000;

/** A server in a process of its own. */
export interface ServerProcess {
  /** Where it says that it listens. */
  readonly uri: string;
  readonly pid: number;
  /** End it and wait until it has. */
  close(): Promise<void>;
}

/** Run this command with other arguments. */
export function spawnCommand(
  args: readonly string[],
  stdio: StdioOptions,
  nodeArgs: readonly string[] = [],
): ChildProcess {
  // In a group of its own: a Ctrl-C at the terminal is for us, and we end it in turn.
  return spawn(process.execPath, [...nodeArgs, COMMAND, ...args], { stdio, detached: true });
}

/** Run this command with arguments that make it print "listening <uri>". */
export async function startServer(
  args: readonly string[],
  signal: AbortSignal,
): Promise<ServerProcess> {
  signal.throwIfAborted();
  const child = spawnCommand(args, ['pipe', 'pipe', 'pipe'], ['--import', LIFELINE]);
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-STDERR_KEPT);
  });
  const ended = once(child, 'exit').then(() => undefined);
  const output = child.stdout as NonNullable<typeof child.stdout>; // a pipe
  const ready = once(createInterface({ input: output }), 'line');
  try {
    const line = await Promise.race([ready, ended, aborted(signal)]);
    if (line === undefined) {
      throw new BenchError(`vfio-user ${args.join(' ')} ended before it listened:\n${said}`);
    }
    const uri = String(line[0]).replace(/^listening /, '');
    return { uri, pid: child.pid as number, close: () => stopChild(child) };
  } catch (error) {
    await stopChild(child);
    throw error;
  }
}

/** End a child and wait until it has ended. */
export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const patience = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
  await ended;
  clearTimeout(patience);
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
