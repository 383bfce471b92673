import { constants, fstatSync, openSync, write, writeSync } from 'node:fs';
import { isatty } from 'node:tty';

/** Bytes queued for a slow reader; more are dropped. */
const MAX_WAITING_BYTES = 2 ** 20;
/** Delay of the first retry when the pipe is full, and of later ones at most, ms. */
const FIRST_RETRY_MS = 1;
const LAST_RETRY_MS = 100;
/** How long the end of the process may take for what still waits, ms, and how often that is tried. */
const LAST_TRY_MS = 1000;
const LAST_TRY_STEP_MS = 10;

/**
 * Writes lines to a standard stream of this process without ever waiting for its reader: a server
 * must not stop because nobody reads its log. Where there is room a line is written at once, so that
 * it is not lost if the process is killed. A reader that went away may come back (a named pipe).
 */
export class NonBlockingOutput {
  readonly isTerminal: boolean;
  /** Called with the number of dropped lines, once there is room again. */
  onDropped: (lines: number) => void = () => {};
  readonly #fd: number;
  /** A regular file: writes may block on the disk, so a thread does them. */
  readonly #isFile: boolean;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** A write or a retry is pending. */
  #isBusy = false;
  #isEnding = false;
  #retryMs = FIRST_RETRY_MS;
  #dropped = 0;

  /** @param stream 1 for stdout, 2 for stderr. */
  constructor(stream: 1 | 2) {
    this.isTerminal = isatty(stream);
    // Not as numbers: those of a pipe stay where Node 20's realpathSync, and so every later import,
    // takes them for what it is about to look at.
    this.#isFile = fstatSync(stream, { bigint: true }).isFile();
    this.#fd = this.#isFile ? stream : withoutBlocking(stream, this.isTerminal);
    process.on('exit', () => this.#end());
  }

  /** Write, or drop and count when the queue is full. */
  write(text: string): void {
    const bytes = Buffer.from(text);
    // Until all is written, so that the count stands where the lines are missing.
    if (this.#dropped > 0 || this.#waitingBytes + bytes.length > MAX_WAITING_BYTES) this.#dropped++;
    else this.#push(bytes);
  }

  /** As {@link write}, and never dropped: for why the process ends. */
  writeLast(text: string): void {
    this.#push(Buffer.from(text));
  }

  #push(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (!this.#isBusy) this.#flush();
  }

  #flush(): void {
    if (this.#isFile && !this.#isEnding) this.#writeByThread();
    else if (this.#writeWaiting()) this.#tellDropped();
    else this.#retryLater();
  }

  /** Write what is queued. @returns whether all of it was written. */
  #writeWaiting(): boolean {
    try {
      for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
        const count = writeSync(this.#fd, next);
        this.#waitingBytes -= count;
        this.#retryMs = FIRST_RETRY_MS;
        if (count === next.length) this.#waiting.shift();
        else this.#waiting[0] = next.subarray(count);
      }
      return true;
    } catch {
      // Full, gone, or a disk without room: who reads it may mend that.
      return false;
    }
  }

  #writeByThread(): void {
    const bytes = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#isBusy = true;
    write(this.#fd, bytes, (error, count) => {
      const done = error === null ? count : 0;
      this.#waitingBytes -= done;
      if (done < bytes.length) this.#waiting.unshift(bytes.subarray(done));
      this.#isBusy = false;
      if (error !== null) this.#retryLater();
      else if (this.#waiting.length > 0) this.#flush();
      else this.#tellDropped();
    });
  }

  #retryLater(): void {
    this.#isBusy = true;
    setTimeout(() => {
      this.#isBusy = false;
      this.#flush();
    }, this.#retryMs).unref();
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS);
  }

  #tellDropped(): void {
    const lines = this.#dropped;
    this.#dropped = 0;
    if (lines > 0) this.onDropped(lines);
  }

  /** Nothing else runs any more, so this may wait a moment. */
  #end(): void {
    this.#isEnding = true;
    this.#isBusy = false;
    const pause = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    for (let tried = 0; tried < LAST_TRY_MS; tried += LAST_TRY_STEP_MS) {
      if (this.#writeWaiting()) {
        this.#tellDropped();
        return;
      }
      Atomics.wait(pause, 0, 0, LAST_TRY_STEP_MS);
    }
  }
}

/** A descriptor of the same pipe, terminal or socket, writes to which do not wait. */
function withoutBlocking(stream: 1 | 2, isTerminal: boolean): number {
  try {
    // Opened anew, since what is set on the one we got holds for all processes that share it.
    const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
    return openSync(`/proc/self/fd/${stream}`, flags);
  } catch {
    // A socket, or somebody else's: Node sets it at the first use, and back at the end. A terminal
    // it leaves as it is.
    if (!isTerminal) void (stream === 1 ? process.stdout : process.stderr);
    return stream;
  }
}

const outputs = new Map<1 | 2, NonBlockingOutput>();

/** The one for stdout or stderr. */
export function standardOutput(stream: 1 | 2): NonBlockingOutput {
  let output = outputs.get(stream);
  if (output === undefined) {
    output = new NonBlockingOutput(stream);
    outputs.set(stream, output);
  }
  return output;
}
