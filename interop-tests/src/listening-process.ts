// A child process that prints "listening ADDRESS" on stdout when it is ready, and logs on stderr.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** Where the `vfio-user` command lies in the workspace. */
const CLI = fileURLToPath(new URL('../../packages/cli/bin/vfio-user.js', import.meta.url));
const READY = 'listening ';
const STOP_MS = 10_000;

/** Words that go before a command line and run it elsewhere, such as `ip netns exec NAME`. */
export type CommandPrefix = readonly string[];

export class ListeningProcess {
  /** What it said it listens on. */
  readonly address: string;
  /** Its stderr so far, line by line; our command logs one JSON object a line. */
  readonly log: readonly string[];
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #exited: Promise<number | string>;
  readonly #onExit = (): void => {
    this.#child.kill('SIGKILL');
  };

  private constructor(
    child: ChildProcessByStdio<null, Readable, Readable>,
    exited: Promise<number | string>,
    address: string,
    log: readonly string[],
  ) {
    this.#child = child;
    this.#exited = exited;
    this.address = address;
    this.log = log;
    process.once('exit', this.#onExit);
  }

  /** Runs `vfio-user ARGUMENTS` as a user would. */
  static vfioUser(args: readonly string[], prefix: CommandPrefix = []): Promise<ListeningProcess> {
    return ListeningProcess.start([process.execPath, CLI, ...args], prefix);
  }

  /** Runs a command line and resolves when it listens; rejects with its log when it ends before. */
  static async start(
    command: readonly string[],
    prefix: CommandPrefix = [],
  ): Promise<ListeningProcess> {
    // setpriv comes last, for a process that enters a namespace stays the same one: it dies with
    // this process even when we are killed and cannot clean up.
    const [file, ...args] = [...prefix, 'setpriv', '--pdeathsig', 'KILL', ...command];
    const child = spawn(file as string, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const log: string[] = [];
    collectLines(child.stderr, (line) => log.push(line));
    const exited = new Promise<number | string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
    });
    const address = await new Promise<string>((resolve, reject) => {
      collectLines(child.stdout, (line) => {
        if (line.startsWith(READY)) resolve(line.slice(READY.length));
      });
      void exited.then((how) => {
        reject(new Error(`${command.join(' ')} ended (${how}) at start:\n${log.join('\n')}`));
      });
    });
    return new ListeningProcess(child, exited, address, log);
  }

  /** Whether it still runs. */
  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Asks it to end (SIGTERM) and resolves with its exit code; kills it when it does not end. */
  stop(): Promise<number | string> {
    return this.#end('SIGTERM');
  }

  /** Ends it without a warning. */
  kill(): Promise<number | string> {
    return this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<number | string> {
    process.off('exit', this.#onExit);
    if (this.isRunning) this.#child.kill(signal);
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    const how = await this.#exited;
    clearTimeout(timer);
    return how;
  }
}

function collectLines(stream: Readable, onLine: (line: string) => void): void {
  let partial = '';
  stream.setEncoding('utf8').on('data', (text) => {
    const lines = (partial + String(text)).split('\n');
    partial = lines.pop() ?? '';
    for (const line of lines) if (line !== '') onLine(line);
  });
}
