import { ListeningProcess } from '@vfio-user/support';
import { BenchError } from '../errors.js';

/** Ends a server that has lost us, however we ended: its stdin is a pipe that only we hold. */
const EXIT_WITH_PARENT = `data:text/javascript,${encodeURIComponent(
  "process.stdin.on('end', () => process.kill(process.pid)).resume().unref();",
)}`;
/** Lines kept of what a server says. */
const KEPT_LINES = 40;

/**
 * Run the command with arguments that make it a server, in a process of its own.
 * @throws {BenchError} with its last words when it does not listen.
 */
export async function startServer(
  script: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<ListeningProcess> {
  try {
    return await ListeningProcess.start(
      [process.execPath, '--import', EXIT_WITH_PARENT, script, ...args],
      // In a group of its own: a Ctrl-C at the terminal is for us, and we end it in turn.
      { stdin: 'pipe', detached: true, keptLines: KEPT_LINES, signal },
    );
  } catch (error) {
    if (signal.aborted) throw error;
    const { message } = error as Error;
    throw new BenchError(`vfio-user ${args.join(' ')}: ${message}`, { cause: error });
  }
}

/** Servers of this machine by what they are, started when they are needed. */
export class ServerProcesses<Kind> {
  readonly #start: (kind: Kind) => Promise<ListeningProcess>;
  readonly #running = new Map<Kind, ListeningProcess>();

  constructor(start: (kind: Kind) => Promise<ListeningProcess>) {
    this.#start = start;
  }

  /** @returns where it listens, and its process. */
  async get(kind: Kind): Promise<{ readonly address: string; readonly pid?: number }> {
    const running = this.#running.get(kind) ?? (await this.#start(kind));
    this.#running.set(kind, running);
    const { address, pid } = running;
    return { address, ...(pid !== undefined && { pid }) };
  }

  async close(): Promise<void> {
    for (const running of this.#running.values()) await running.stop();
    this.#running.clear();
  }
}
