// Programs beside this one, as processes of their own that can be killed.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Under emulation Node takes long to start. */
const PATIENCE_MS = 120_000;

/** `node PROGRAM ARGUMENTS`. Everything it prints is kept; it ends with this process. */
export class Program {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #exited: Promise<void>;
  #output = '';
  #onOutput: () => void = () => {};

  constructor(name: string, ...args: string[]) {
    const file = fileURLToPath(new URL(`${name}.js`, import.meta.url));
    const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#exited = new Promise((resolve) => child.once('close', () => resolve()));
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.#output += String(text);
        this.#onOutput();
      });
    }
    process.once('exit', () => child.kill('SIGKILL'));
  }

  get output(): string {
    return this.#output;
  }

  /** Waits until it has printed that. */
  async printed(text: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string): void => {
        reject(new Error(`${why} instead of ${text}:\n${this.#output}`));
      };
      const timer = setTimeout(() => fail('nothing'), PATIENCE_MS);
      this.#onOutput = () => {
        if (!this.#output.includes(text)) return;
        clearTimeout(timer);
        resolve();
      };
      this.#onOutput();
      void this.#exited.then(() => {
        clearTimeout(timer);
        fail('the end');
      });
    });
  }

  /** Not run for a while (SIGSTOP, SIGCONT). */
  async stop(ms: number): Promise<void> {
    this.#child.kill('SIGSTOP');
    await delay(ms);
    this.#child.kill('SIGCONT');
  }

  /** Send SIGKILL. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}
