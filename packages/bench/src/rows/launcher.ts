import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ListeningProcess, Program } from '@vfio-user/support';

const run = promisify(execFile);
/** The command beside this package in the workspace. */
const COMMAND = fileURLToPath(new URL('../../../cli/bin/vfio-user.js', import.meta.url));
const CLIENT_PROCESSOR = 0;
const SERVER_PROCESSOR = 1;

/** How all servers are run. */
export interface LauncherOptions {
  /** Arguments for the Node that runs a server, for example a profiler's. */
  readonly nodeArgs: readonly string[];
  /** Servers stay on a processor of their own. */
  readonly apart: boolean;
}

/** Starts servers. */
export class Launcher {
  /** What stands before the command of each server. */
  readonly prefix: readonly string[];
  readonly #nodeArgs: readonly string[];

  constructor({ nodeArgs, apart }: LauncherOptions) {
    this.#nodeArgs = nodeArgs;
    this.prefix = apart ? ['taskset', '--cpu-list', String(SERVER_PROCESSOR)] : [];
  }

  /** Run `vfio-user serve` on a URI. */
  device(
    device: string,
    uri: string,
    settings: readonly string[] = [],
    options: readonly string[] = [],
  ): Promise<ListeningProcess> {
    const set = settings.flatMap((setting) => ['--set', setting]);
    const args = ['serve', device, '--listen', uri, '--log-level', 'warn', ...set, ...options];
    return this.#listening(args);
  }

  /** Run `vfio-user bridge` from a URI to a device. */
  bridge(listen: string, connect: string): Promise<ListeningProcess> {
    return this.#listening([
      'bridge',
      '--listen',
      listen,
      '--connect',
      connect,
      '--log-level',
      'warn',
    ]);
  }

  #listening(args: readonly string[]): Promise<ListeningProcess> {
    const command = [process.execPath, ...this.#nodeArgs, COMMAND, ...args];
    return ListeningProcess.start(command, { prefix: this.prefix });
  }

  /** Run a program until it has printed a line that matches. */
  async program(command: readonly string[], ready: RegExp): Promise<Program> {
    const program = new Program(command, { prefix: this.prefix });
    try {
      await program.line('stdout', ready);
      return program;
    } catch (error) {
      await program.stop();
      throw error;
    }
  }
}

/**
 * Bind this process, and the programs that it starts from now on, to the processor of clients.
 * @throws {Error} when there is only one processor, or no taskset.
 */
export async function bindClients(): Promise<void> {
  const args = ['--all-tasks', '--cpu-list', '--pid', String(CLIENT_PROCESSOR)];
  try {
    await run('taskset', [...args, String(process.pid)]);
  } catch (error) {
    throw new Error('--apart needs two processors and taskset (util-linux)', { cause: error });
  }
}
