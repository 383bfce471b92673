import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

const cliFolder = dirname(createRequire(import.meta.url).resolve('vfio-user/package.json'));

/** A server in a process of its own. */
export interface ServerProcess {
  /** Where it says that it listens. */
  readonly address: string;
  /** End it and wait until it has. */
  close(): Promise<void>;
}

/** How a program is run. */
export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** What it says when it is ended is not worth showing. */
  readonly quiet?: boolean;
}

/** How all servers are run. */
export interface LauncherOptions {
  /** Arguments for the Node that runs a server, for example a profiler's. */
  readonly nodeArgs: readonly string[];
  /** The processor that servers have to stay on, if any. */
  readonly processor: number | undefined;
}

/** Starts servers. */
export class Launcher {
  readonly #nodeArgs: readonly string[];
  readonly #prefix: readonly string[];

  constructor({ nodeArgs, processor }: LauncherOptions) {
    this.#nodeArgs = nodeArgs;
    this.#prefix = processor === undefined ? [] : ['taskset', '--cpu-list', String(processor)];
  }

  /** Run `vfio-user serve` on a URI. */
  device(
    device: string,
    uri: string,
    settings: readonly string[] = [],
    options: readonly string[] = [],
  ): Promise<ServerProcess> {
    const set = settings.flatMap((setting) => ['--set', setting]);
    const args = ['serve', device, '--listen', uri, '--log-level', 'warn', ...set, ...options];
    const command = join(cliFolder, 'bin/vfio-user.js');
    return this.program(process.execPath, [...this.#nodeArgs, command, ...args]);
  }

  /** Run a program that prints "listening" and where when it is ready. */
  async program(
    path: string,
    args: readonly string[],
    { env = process.env, quiet = false }: RunOptions = {},
  ): Promise<ServerProcess> {
    const [program, ...rest] = [...this.#prefix, path, ...args] as [string, ...string[]];
    const errors = quiet ? 'ignore' : 'inherit';
    const child = spawn(program, rest, { stdio: ['ignore', 'pipe', errors], env });
    const ended = once(child, 'exit');
    const lines = createInterface({ input: child.stdout });
    const ready = once(lines, 'line').then(([line]) => String(line));
    const line = await Promise.race([ready, ended.then(() => undefined)]);
    if (line === undefined) {
      throw new Error(`${path} ${args.join(' ')} ended before it listened`);
    }
    return { address: line.replace(/^listening /, ''), close: () => stop(child, ended) };
  }
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill('SIGTERM');
  await ended;
}
