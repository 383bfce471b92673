import type { ChildProcess } from 'node:child_process';
import { BenchError } from '../errors.js';
import { spawnCommand, stopChild } from '../target/child.js';
import type { ClientAnswer, ClientReplies, ClientRequest } from './messages.js';

/**
 * A client in a process of its own. One for each transport: what its compiler learned from others
 * would make their code slower than a client of one transport is.
 */
export class ClientProcess {
  readonly #name: string;
  readonly #child: ChildProcess;
  #settle: ((answer: ClientAnswer) => void) | undefined;
  #said = '';

  /** `name` is what errors begin with. */
  constructor(name: string) {
    this.#name = name;
    this.#child = spawnCommand(['bench', 'client'], ['ignore', 'ignore', 'pipe', 'ipc']);
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
    });
    this.#child.on('message', (answer) => this.#end(answer as ClientAnswer));
    this.#child.on('exit', () => {
      const message = `its client ended unexpectedly:\n${this.#said}`;
      this.#end({ error: { message, isExpected: true } });
    });
  }

  /** One at a time. @throws {BenchError} saying why it could not be done. */
  async ask<T extends ClientRequest['type']>(
    request: Extract<ClientRequest, { type: T }>,
  ): Promise<ClientReplies[T]> {
    const answer = await new Promise<ClientAnswer>((resolve) => {
      this.#settle = resolve;
      this.#child.send(request, (error) => {
        if (error !== null) this.#end({ error: { message: error.message, isExpected: true } });
      });
    });
    if ('value' in answer) return answer.value as ClientReplies[T];
    const { message, isExpected } = answer.error;
    const text = `${this.#name}: ${message}`;
    throw isExpected ? new BenchError(text) : new Error(text);
  }

  close(): Promise<void> {
    return stopChild(this.#child);
  }

  #end(answer: ClientAnswer): void {
    this.#settle?.(answer);
    this.#settle = undefined;
  }
}
