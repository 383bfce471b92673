import { Program } from '@vfio-user/support';
import { BenchError } from '../errors.js';
import type { ClientAnswer, ClientReplies, ClientRequest } from './client-messages.js';

/**
 * A client in a process of its own, one for each transport: code that the JIT compiler has seen with several
 * transports is slower.
 */
export class ClientProcess {
  readonly #name: string;
  readonly #program: Program;
  #settle: ((answer: ClientAnswer) => void) | undefined;

  /** `name` is what errors begin with; `script` is the command's. */
  constructor(name: string, script: string) {
    this.#name = name;
    this.#program = new Program([process.execPath, script, 'bench', 'client'], {
      detached: true,
      onMessage: (answer) => this.#end(answer as ClientAnswer),
      onEnd: () => this.#fail(`its client ended unexpectedly:\n${this.#program.log.join('\n')}`),
    });
  }

  /** One request at a time. @throws {BenchError} with the reason of a failure. */
  async ask<T extends ClientRequest['type']>(
    request: Extract<ClientRequest, { type: T }>,
  ): Promise<ClientReplies[T]> {
    const answer = await new Promise<ClientAnswer>((resolve) => {
      this.#settle = resolve;
      this.#program.send(request).catch((error: Error) => this.#fail(error.message));
    });
    if ('value' in answer) return answer.value as ClientReplies[T];
    const { message, isExpected } = answer.error;
    const text = `${this.#name}: ${message}`;
    throw isExpected ? new BenchError(text) : new Error(text);
  }

  async close(): Promise<void> {
    await this.#program.stop();
  }

  #fail(message: string): void {
    this.#end({ error: { message, isExpected: true } });
  }

  #end(answer: ClientAnswer): void {
    this.#settle?.(answer);
    this.#settle = undefined;
  }
}
