import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

const cliFolder = dirname(createRequire(import.meta.url).resolve('@vfio-user/cli/package.json'));

/** A server in a process of its own. */
export interface ServerProcess {
  /** End it and wait until it has. */
  close(): Promise<void>;
}

/** Run `vfio-user serve` on a socket. `nodeArgs` go to Node, for example a profiler's. */
export function startDeviceServer(
  device: string,
  socketPath: string,
  settings: readonly string[],
  nodeArgs: readonly string[] = [],
): Promise<ServerProcess> {
  const set = settings.flatMap((setting) => ['--set', setting]);
  const args = ['serve', device, '--listen', `unix://${socketPath}`, '--log-level', 'warn', ...set];
  const command = join(cliFolder, 'bin/vfio-user.js');
  return startServer(process.execPath, [...nodeArgs, command, ...args]);
}

/** Run a program that prints "listening" when it is ready. */
export async function startServer(
  program: string,
  args: readonly string[],
): Promise<ServerProcess> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  const ready = once(lines, 'line').then(() => true);
  if (!(await Promise.race([ready, ended.then(() => false)]))) {
    throw new Error(`${program} ${args.join(' ')} ended before it listened`);
  }
  return { close: () => stop(child, ended) };
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill('SIGTERM');
  await ended;
}
