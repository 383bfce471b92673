// One direction of a slow line: bytes leave in order, each chunk when its time has come.

import type { Socket } from 'node:net';

/** How one direction behaves. */
export interface LineOptions {
  /** From one end to the other, ms; fractions count. */
  readonly delayMs: number;
  /** Default: as fast as it comes. */
  readonly bytesPerSecond?: number;
  /** Reading stops above this many bytes on the line, default 4 MiB. */
  readonly maxQueuedBytes?: number;
}

interface Chunk {
  readonly dueMs: number;
  /** Absent: the sender has ended. */
  readonly bytes: Uint8Array | undefined;
}

const MAX_QUEUED_BYTES = 4 * 2 ** 20;
/** Timers are late by up to this much: the rest of the time is waited for turn by turn. */
const TIMER_SLACK_MS = 1.5;

/** Carries what `from` receives to `to`. */
export class DelayLine {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #delayMs: number;
  readonly #bytesPerMs: number;
  readonly #maxQueuedBytes: number;
  readonly #look = (): void => this.#onTime();
  #queue: Chunk[] = [];
  #queuedBytes = 0;
  /** When the last of the bytes so far has been serialized onto the line, ms. */
  #takenInMs = 0;
  #waiting = false;
  /** `to` takes no more for now. */
  #blocked = false;

  constructor(from: Socket, to: Socket, options: LineOptions) {
    this.#from = from;
    this.#to = to;
    this.#delayMs = options.delayMs;
    this.#bytesPerMs = (options.bytesPerSecond ?? Infinity) / 1000;
    this.#maxQueuedBytes = options.maxQueuedBytes ?? MAX_QUEUED_BYTES;
    from.on('data', (bytes) => this.#take(bytes as Uint8Array)); // no encoding was set
    from.on('end', () => this.#take(undefined));
    to.on('drain', () => {
      this.#blocked = false;
      this.#wait();
    });
  }

  #take(bytes: Uint8Array | undefined): void {
    const length = bytes?.length ?? 0;
    this.#takenInMs = Math.max(this.#takenInMs, performance.now()) + length / this.#bytesPerMs;
    this.#queue.push({ dueMs: this.#takenInMs + this.#delayMs, bytes });
    this.#queuedBytes += length;
    if (this.#queuedBytes > this.#maxQueuedBytes) this.#from.pause();
    this.#wait();
  }

  #wait(): void {
    const [next] = this.#queue;
    if (next === undefined || this.#waiting || this.#blocked) return;
    this.#waiting = true;
    const restMs = next.dueMs - performance.now() - TIMER_SLACK_MS;
    if (restMs > 0) setTimeout(this.#look, restMs);
    else setImmediate(this.#look);
  }

  #onTime(): void {
    this.#waiting = false;
    const now = performance.now();
    while (!this.#blocked && this.#queue[0] !== undefined && this.#queue[0].dueMs <= now) {
      const { bytes } = this.#queue.shift() as Chunk; // just looked at
      if (bytes === undefined) this.#to.end();
      else this.#pass(bytes);
    }
    if (this.#queuedBytes <= this.#maxQueuedBytes / 2) this.#from.resume();
    this.#wait();
  }

  #pass(bytes: Uint8Array): void {
    this.#queuedBytes -= bytes.length;
    if (!this.#to.write(bytes)) this.#blocked = true;
  }
}
