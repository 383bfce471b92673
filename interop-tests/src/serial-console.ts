// The guest's serial console as lines: remembered, shown on request, and waited for.

import type { Readable } from 'node:stream';

interface Waiter {
  readonly marker: string | RegExp;
  resolve(line: string): void;
  reject(error: Error): void;
}

const matches = (line: string, marker: string | RegExp): boolean =>
  typeof marker === 'string' ? line.includes(marker) : marker.test(line);

export class SerialConsole {
  /** Every whole line so far, without line ends. */
  readonly lines: string[] = [];
  readonly #onLine: ((line: string) => void) | undefined;
  readonly #waiters = new Set<Waiter>();
  #partial = '';
  #failure: Error | undefined;

  constructor(stream: Readable, onLine?: (line: string) => void) {
    this.#onLine = onLine;
    stream.setEncoding('utf8');
    stream.on('data', (text) => this.#receive(String(text)));
  }

  /**
   * Resolves with the first line that has the marker, looking from line number `from` on (default: from the start).
   * Rejects with the end of the console after `timeoutMs`, or as soon as the guest can no longer print it.
   */
  waitFor(marker: string | RegExp, timeoutMs: number, from = 0): Promise<string> {
    const found = this.lines.slice(from).find((line) => matches(line, marker));
    if (found !== undefined) return Promise.resolve(found);
    if (this.#failure !== undefined)
      return Promise.reject(this.#explain(this.#failure.message, marker));
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter = {
        marker,
        resolve: (line) => {
          settle();
          resolve(line);
        },
        reject: (error) => {
          settle();
          reject(this.#explain(error.message, marker));
        },
      };
      const timer = setTimeout(() => {
        waiter.reject(new Error(`timed out after ${timeoutMs} ms`));
      }, timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  /** Ends all waiting: QEMU is gone or the guest's kernel has stopped. */
  fail(error: Error): void {
    this.#failure ??= error;
    for (const waiter of [...this.#waiters]) waiter.reject(error);
  }

  /** The last lines, for error messages. */
  tail(count = 30): string {
    return [...this.lines, ...(this.#partial === '' ? [] : [this.#partial])]
      .slice(-count)
      .map((line) => `    ${line}`)
      .join('\n');
  }

  #explain(reason: string, marker: string | RegExp): Error {
    return new Error(
      `${reason} while waiting for ${String(marker)} on the guest's console, which ends with:\n${this.tail()}`,
    );
  }

  #receive(text: string): void {
    const lines = (this.#partial + text).split('\n');
    this.#partial = lines.pop() ?? '';
    for (const raw of lines) {
      const line = raw.replaceAll('\r', '');
      this.lines.push(line);
      this.#onLine?.(line);
      for (const waiter of [...this.#waiters])
        if (matches(line, waiter.marker)) waiter.resolve(line);
      if (line.includes('Kernel panic')) this.fail(new Error('the guest kernel panicked'));
    }
  }
}
