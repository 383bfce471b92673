import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

/** Default timeout of waiting for a line or for the end, ms. */
const PATIENCE_MS = 60_000;
/** From a SIGTERM to the SIGKILL. */
const KILL_AFTER_MS = 10_000;
/** Last lines that an error shows. */
const SHOWN_LINES = 20;

export interface ProgramOptions {
  /** Words before the command line that run it elsewhere, such as `ip netns exec NAME`. */
  readonly prefix?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** `pipe`: it sees its stdin end when this process has ended, however that was. */
  readonly stdin?: 'ignore' | 'pipe';
  /** A descriptor of this process that becomes descriptor 3 of the program. */
  readonly inherit?: number;
  /** In a process group of its own: a Ctrl-C at the terminal does not reach it. */
  readonly detached?: boolean;
  /** For a Node program with an IPC channel: gets its messages. See {@link Program.send}. */
  readonly onMessage?: (message: unknown) => void;
  /** It has ended, or could not be started. */
  readonly onEnd?: () => void;
  /** Lines kept of each output; default: all. */
  readonly keptLines?: number;
}

/** How a program ended. */
export interface Ending {
  /** `null` when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
}

/** Programs still running: none outlives this process, unless it is killed. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A child process, line by line. */
export class Program {
  readonly #command: string;
  readonly #child: ChildProcess;
  readonly #stdout: string[] = [];
  readonly #stderr: string[] = [];
  readonly #watchers = new Set<() => void>();
  #ending: Ending | undefined;
  #failure: Error | undefined;

  constructor(command: readonly string[], options: ProgramOptions = {}) {
    const {
      prefix = [],
      env,
      stdin = 'ignore',
      inherit,
      detached,
      onMessage,
      onEnd,
      keptLines,
    } = options;
    const [file = '', ...args] = [...prefix, ...command];
    this.#command = command.join(' ');
    const child = spawn(file, args, {
      stdio: [
        ...([stdin, 'pipe', 'pipe'] as const),
        ...(inherit === undefined ? [] : [inherit]),
        ...(onMessage === undefined ? [] : (['ipc'] as const)),
      ],
      ...(env !== undefined && { env }),
      ...(detached !== undefined && { detached }),
    });
    this.#child = child;
    running.add(child);
    this.#collect(child.stdout, this.#stdout, keptLines);
    this.#collect(child.stderr, this.#stderr, keptLines);
    if (onMessage !== undefined) child.on('message', onMessage);
    child.once('exit', () => running.delete(child));
    child.once('error', (error) => {
      running.delete(child);
      this.#failure = error;
      this.#changed();
      onEnd?.();
    });
    // After all output.
    child.once('close', (code, signal) => {
      this.#ending = { code, signal, stdout: this.#stdout, stderr: this.#stderr };
      this.#changed();
      onEnd?.();
    });
  }

  /** `undefined` when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.pid !== undefined && this.#child.exitCode === null && !this.#child.signalCode;
  }

  /** Its stderr so far; our command logs one JSON object a line. */
  get log(): readonly string[] {
    return this.#stderr;
  }

  /**
   * The first line that matches, as soon as it is there.
   * @param from number of the line to look from.
   * @throws {Error} naming what was awaited and its last lines: it did not come in time, or the program ended.
   */
  async line(
    output: 'stdout' | 'stderr',
    pattern: RegExp | string,
    timeoutMs = PATIENCE_MS,
    from = 0,
  ): Promise<string> {
    const lines = output === 'stdout' ? this.#stdout : this.#stderr;
    const matches = (line: string): boolean =>
      typeof pattern === 'string' ? line.includes(pattern) : pattern.test(line);
    let found: string | undefined;
    const look = (): boolean => {
      found = lines.slice(from).find(matches);
      return found !== undefined || this.#hasEnded;
    };
    await this.#until(look, timeoutMs);
    if (found !== undefined) return found;
    const what = typeof pattern === 'string' ? `"${pattern}"` : String(pattern);
    throw this.#error(`${what} did not come on ${output}`, timeoutMs);
  }

  /** Waits for a line of its log that contains `text`. */
  async logged(text: string, timeoutMs = PATIENCE_MS, from = 0): Promise<void> {
    await this.line('stderr', text, timeoutMs, from);
  }

  /** How it ended, once it has and all of its output is there. */
  async ended(timeoutMs = PATIENCE_MS): Promise<Ending> {
    this.#child.stdout?.resume();
    await this.#until(() => this.#hasEnded, timeoutMs);
    if (this.#ending !== undefined) return this.#ending;
    throw this.#error('it did not end', timeoutMs);
  }

  /** @throws {Error} when it has gone, or was started without `onMessage`. */
  send(message: object): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#child.send(message, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Send SIGTERM, then SIGKILL if it does not end. @returns its exit code, or the signal that ended it. */
  stop(): Promise<number | string> {
    return this.#end('SIGTERM');
  }

  /** Send SIGKILL. */
  kill(): Promise<number | string> {
    return this.#end('SIGKILL');
  }

  /** Send SIGSTOP: what it is sent from now on stays unread. */
  freeze(): void {
    this.signal('SIGSTOP');
  }

  /** Leave what it prints in the pipe, as a person does who is reading slowly. */
  pauseStdout(): void {
    this.#child.stdout?.pause();
  }

  /** Stop reading its stdout, as `head` does when it has seen enough. */
  closeStdout(): void {
    this.#child.stdout?.destroy();
  }

  get #hasEnded(): boolean {
    return this.#ending !== undefined || this.#failure !== undefined;
  }

  async #end(signal: NodeJS.Signals): Promise<number | string> {
    if (this.isRunning) this.signal(signal);
    const timer = setTimeout(() => this.signal('SIGKILL'), KILL_AFTER_MS);
    try {
      if (this.#failure !== undefined) return this.#failure.message;
      const ending = await this.ended();
      return ending.code ?? ending.signal ?? 'unknown';
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves when `condition` holds or the time is up. */
  #until(condition: () => boolean, timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        resolve();
      };
      const look = (): void => {
        if (condition()) settle();
      };
      const timer = setTimeout(settle, timeoutMs);
      this.#watchers.add(look);
      look();
    });
  }

  #error(what: string, timeoutMs: number): Error {
    const how =
      this.#failure !== undefined
        ? this.#failure.message
        : this.#ending === undefined
          ? `within ${timeoutMs} ms`
          : `before it ended (${this.#ending.code ?? this.#ending.signal})`;
    const said = [...this.#stdout.slice(-SHOWN_LINES), ...this.#stderr.slice(-SHOWN_LINES)];
    return new Error(`${this.#command}: ${what}: ${how}; it said last:\n${said.join('\n')}`, {
      cause: this.#failure,
    });
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  #collect(stream: Readable | null, lines: string[], kept = Number.POSITIVE_INFINITY): void {
    let partial = '';
    const add = (more: readonly string[]): void => {
      lines.push(...more);
      if (lines.length > 2 * kept) lines.splice(0, lines.length - kept);
      this.#changed();
    };
    stream
      ?.setEncoding('utf8')
      .on('data', (text: string) => {
        const whole = (partial + text).split('\n');
        partial = whole.pop() ?? '';
        if (whole.length > 0) add(whole);
      })
      .on('end', () => {
        if (partial !== '') add([partial]);
      });
  }
}
