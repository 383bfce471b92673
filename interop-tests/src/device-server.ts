// One of our device servers as a child process, started through the CLI as a user would.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** Where `vfio-user serve` lives in the workspace. */
const CLI = fileURLToPath(new URL('../../packages/cli/bin/vfio-user.js', import.meta.url));
const STOP_MS = 5000;

export class DeviceServer {
  /** The line it printed on stdout once it listened. */
  readonly listening: string;
  /** Its stderr so far: one JSON object a line. */
  readonly log: readonly string[];
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #exited: Promise<number | string>;
  readonly #onExit = (): void => {
    this.#child.kill('SIGKILL');
  };

  private constructor(
    child: ChildProcessByStdio<null, Readable, Readable>,
    exited: Promise<number | string>,
    listening: string,
    log: readonly string[],
  ) {
    this.#child = child;
    this.#exited = exited;
    this.listening = listening;
    this.log = log;
    process.once('exit', this.#onExit);
  }

  /**
   * Runs `serve DEVICE --listen unix://SOCKET --set name=value ...` and resolves when it listens.
   * `settings` become `--set` options.
   */
  static async start(
    device: string,
    socketPath: string,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<DeviceServer> {
    const args = [CLI, 'serve', device, '--listen', `unix://${socketPath}`];
    for (const [name, value] of Object.entries(settings)) args.push('--set', `${name}=${value}`);
    // setpriv: the server dies with this process even when we are killed and cannot clean up.
    const command = ['--pdeathsig', 'KILL', process.execPath, ...args];
    const child = spawn('setpriv', command, { stdio: ['ignore', 'pipe', 'pipe'] });
    const log: string[] = [];
    collectLines(child.stderr, (line) => log.push(line));
    const exited = new Promise<number | string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
    });
    const listening = await new Promise<string>((resolve, reject) => {
      collectLines(child.stdout, (line) => {
        if (line.startsWith('listening ')) resolve(line);
      });
      void exited.then((how) => {
        reject(new Error(`the ${device} server ended (${how}) at start:\n${log.join('\n')}`));
      });
    });
    return new DeviceServer(child, exited, listening, log);
  }

  /** Whether the server still runs. */
  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Asks it to end (SIGTERM) and resolves with its exit code; kills it when it does not end. */
  async stop(): Promise<number | string> {
    process.off('exit', this.#onExit);
    if (this.isRunning) this.#child.kill('SIGTERM');
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
