import { deferred } from '@vfio-user/core/internal';
import { Program } from '@vfio-user/support';
import type { Answer, ClientReport, Order } from '../processes/messages.js';

const KEPT_LINES = 100;

/** The process that drives the sessions of a set-up. */
export class DriverProcess {
  readonly program: Program;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  readonly #onFailure: (session: number, reason: string, answer: Answer) => void;

  /** @param onFailure a session cannot go on. */
  constructor(
    command: readonly string[],
    onFailure: (session: number, reason: string, answer: Answer) => void,
    onEnd: () => void,
  ) {
    this.#onFailure = onFailure;
    this.program = new Program(command, {
      stdin: 'pipe',
      keptLines: KEPT_LINES,
      onMessage: (message) => this.#take(message as ClientReport),
      onEnd,
    });
  }

  /** One order at a time for each session. */
  async ask(session: number, order: Order): Promise<Answer> {
    const { promise, resolve } = deferred<Answer>();
    this.#waiting.set(session, resolve);
    await this.program.send({ session, order });
    return promise;
  }

  #take(report: ClientReport): void {
    const { session, answer } = report;
    if ('failure' in report) this.#onFailure(session, report.failure, answer);
    else this.#waiting.get(session)?.(answer);
  }
}
