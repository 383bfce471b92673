import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

const COMMAND = fileURLToPath(new URL('../bin/vfio-user.js', import.meta.url));

export interface StartOptions {
  /** A descriptor of this process that becomes descriptor 3 of the command. */
  readonly inherit?: number;
  /** Shell words put before the command, for example `LISTEN_PID=$$`. */
  readonly prefix?: string;
}

/** The built command as a process of its own: `npm test` builds it first. */
export class CliProcess {
  readonly #child: ChildProcess;
  readonly #lines: { readonly stdout: string[]; readonly stderr: string[] };
  /** It has ended; some of its output may be on the way. */
  readonly #gone: Promise<unknown>;
  readonly #exited: Promise<number | null>;
  #wake = (): void => {};

  constructor(t: Test, args: readonly string[], { inherit, prefix = '' }: StartOptions = {}) {
    const words = [process.execPath, COMMAND, ...args];
    const script = `${prefix} exec ${words.map((word) => `'${word}'`).join(' ')}`;
    this.#child = spawn('sh', ['-c', script], {
      stdio: ['ignore', 'pipe', 'pipe', ...(inherit === undefined ? [] : [inherit])],
    });
    this.#lines = { stdout: [], stderr: [] };
    this.#collect(this.#child.stdout, this.#lines.stdout);
    this.#collect(this.#child.stderr, this.#lines.stderr);
    this.#gone = once(this.#child, 'exit');
    // "close" comes after all output.
    this.#exited = once(this.#child, 'close').then(([code]) => code as number | null);
    void this.#exited.then(() => this.#wake());
    t.teardown(() => this.#child.kill('SIGKILL'));
  }

  /** The first line of a stream that matches, as soon as it is there. */
  async line(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<string> {
    for (;;) {
      const found = this.#lines[stream].find((line) => pattern.test(line));
      if (found !== undefined) return found;
      if (this.#child.exitCode !== null) {
        throw new Error(`ended without ${pattern}:\n${this.#lines.stderr.join('\n')}`);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Stop reading its stdout, as `head` does when it has seen enough. */
  closeStdout(): void {
    this.#child.stdout?.destroy();
  }

  /** Leave what it prints in the pipe, as a person does who is reading slowly. */
  pauseStdout(): void {
    this.#child.stdout?.pause();
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async exit(): Promise<{
    readonly code: number | null;
    readonly stdout: readonly string[];
    readonly stderr: readonly string[];
  }> {
    await this.#gone;
    this.#child.stdout?.resume();
    return { code: await this.#exited, ...this.#lines };
  }

  #collect(stream: Readable | null, lines: string[]): void {
    let partial = '';
    stream?.setEncoding('utf8').on('data', (text: string) => {
      const whole = (partial + text).split('\n');
      partial = whole.pop() ?? '';
      lines.push(...whole);
      this.#wake();
    });
  }
}
