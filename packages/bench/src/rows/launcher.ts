import { fileURLToPath } from 'node:url';
import { ListeningProcess, Program, type ProgramOptions } from '@vfio-user/support';

/** The command beside this package in the workspace. */
const COMMAND = fileURLToPath(new URL('../../../cli/bin/vfio-user.js', import.meta.url));

/** How all servers are run. */
export interface LauncherOptions {
  /** Arguments for the Node that runs a server, for example a profiler's. */
  readonly nodeArgs: readonly string[];
  /** The processor that servers have to stay on, if any. */
  readonly processor: number | undefined;
}

/** Starts servers, on the processor that is theirs. */
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
  ): Promise<ListeningProcess> {
    const set = settings.flatMap((setting) => ['--set', setting]);
    const args = ['serve', device, '--listen', uri, '--log-level', 'warn', ...set, ...options];
    return this.listening([process.execPath, ...this.#nodeArgs, COMMAND, ...args]);
  }

  /** Run a program until it prints where it listens. */
  listening(command: readonly string[], options: ProgramOptions = {}): Promise<ListeningProcess> {
    return ListeningProcess.start(command, { ...options, prefix: this.#prefix });
  }

  /** Run a program until it has printed a line that matches. */
  async program(command: readonly string[], ready: RegExp): Promise<Program> {
    const program = new Program(command, { prefix: this.#prefix });
    try {
      await program.line('stdout', ready);
      return program;
    } catch (error) {
      await program.stop();
      throw error;
    }
  }
}
