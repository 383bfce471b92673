import { Program, type ProgramOptions } from './program.js';

const READY = 'listening ';
const START_MS = 60_000;

export interface ListeningProcessOptions extends ProgramOptions {
  /** How long it may take to listen. */
  readonly timeoutMs?: number;
  /** Ends the start, which rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** A program that prints `listening ADDRESS` on stdout when it is ready. */
export class ListeningProcess extends Program {
  #address = '';

  /**
   * Run a command line until it listens.
   * @throws {Error} with its last lines when it ends before, or takes too long; it is ended then.
   */
  static async start(
    command: readonly string[],
    { timeoutMs = START_MS, signal, ...options }: ListeningProcessOptions = {},
  ): Promise<ListeningProcess> {
    signal?.throwIfAborted();
    const listening = new ListeningProcess(command, options);
    let abort = (): void => {};
    const aborted = new Promise<never>((_, reject) => {
      abort = () => reject(signal?.reason);
      signal?.addEventListener('abort', abort, { once: true });
    });
    try {
      const ready = listening.line('stdout', new RegExp(`^${READY}`), timeoutMs);
      const line = await Promise.race([ready, aborted]);
      listening.#address = line.slice(READY.length);
      return listening;
    } catch (error) {
      await listening.stop();
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** The address that it printed. */
  get address(): string {
    return this.#address;
  }
}
