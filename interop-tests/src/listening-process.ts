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
  readonly #log: Log;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #exited: Promise<number | string>;
  readonly #onExit = (): void => {
    this.#child.kill('SIGKILL');
  };

  private constructor(
    child: ChildProcessByStdio<null, Readable, Readable>,
    exited: Promise<number | string>,
    address: string,
    log: Log,
  ) {
    this.#child = child;
    this.#exited = exited;
    this.address = address;
    this.#log = log;
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
    const log = new Log();
    collectLines(child.stderr, (line) => log.add(line));
    const exited = new Promise<number | string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
    });
    const address = await new Promise<string>((resolve, reject) => {
      collectLines(child.stdout, (line) => {
        if (line.startsWith(READY)) resolve(line.slice(READY.length));
      });
      void exited.then((how) => {
        reject(new Error(`${command.join(' ')} ended (${how}) at start:\n${log.lines.join('\n')}`));
      });
    });
    return new ListeningProcess(child, exited, address, log);
  }

  /** Its stderr so far, line by line; our command logs one JSON object a line. */
  get log(): readonly string[] {
    return this.#log.lines;
  }

  /** Waits for a line of its log, looking from line number `from` on (default: from the start). */
  logged(text: string, timeoutMs: number, from = 0): Promise<void> {
    return this.#log.waitFor(text, timeoutMs, from);
  }

  /** Whether it still runs. */
  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Asks it to end (SIGTERM) and resolves with its exit code; kills it when it does not end. */
  stop(): Promise<number | string> {
    return this.#end('SIGTERM');
  }

  /** Stops it where it is: what it is sent from now on stays unread. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
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

/** What a process said on stderr. */
class Log {
  readonly lines: string[] = [];
  readonly #onLine = new Set<(line: string) => void>();

  add(line: string): void {
    this.lines.push(line);
    for (const listener of this.#onLine) listener(line);
  }

  waitFor(text: string, timeoutMs: number, from: number): Promise<void> {
    if (this.lines.slice(from).some((line) => line.includes(text))) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const settle = (outcome: () => void): void => {
        clearTimeout(timer);
        this.#onLine.delete(look);
        outcome();
      };
      const look = (line: string): void => {
        if (line.includes(text)) settle(resolve);
      };
      const timer = setTimeout(() => {
        const tail = this.lines.slice(-20).join('\n');
        const error = new Error(`"${text}" was not logged within ${timeoutMs} ms:\n${tail}`);
        settle(() => reject(error));
      }, timeoutMs);
      this.#onLine.add(look);
    });
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
