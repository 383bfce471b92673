import type { Writable } from 'node:stream';
import type { Relay } from './relay/relay.js';

/** Bytes that wait before they are written, without waiting for the end of the turn. */
const BATCH_BYTES = 65_536;

/**
 * Writes to a stream in batches: what comes within a turn of the event loop goes as one piece. A
 * stream that ended early, for example because its reader left, takes everything and keeps nothing.
 */
export class BatchedWriter {
  readonly #stream: Writable;
  #source: Pick<Relay, 'hold' | 'release'> | undefined;
  #batch: Uint8Array[] = [];
  #batchBytes = 0;
  #scheduled = false;
  #isFull = false;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  /** Hold `source`, where the data comes from, while the stream has no room. */
  holdUp(source: Pick<Relay, 'hold' | 'release'>): void {
    this.#source = source;
    if (this.#isFull) source.hold(this);
  }

  /** The stream has no room: more is kept until it has. */
  get isFull(): boolean {
    return this.#isFull;
  }

  writeText(text: string): void {
    this.write(Buffer.from(text));
  }

  /** @param bytes must not change any more. */
  write(bytes: Uint8Array): void {
    this.#batch.push(bytes);
    this.#batchBytes += bytes.length;
    if (this.#batchBytes >= BATCH_BYTES) this.flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.flush();
      });
    }
  }

  flush(): void {
    if (this.#batchBytes === 0) return;
    const bytes = Buffer.concat(this.#batch, this.#batchBytes);
    this.#batch = [];
    this.#batchBytes = 0;
    if (this.#stream.destroyed || this.#stream.write(bytes) || this.#isFull) return;
    this.#isFull = true;
    this.#source?.hold(this);
    void this.drained().then(() => {
      this.#isFull = false;
      this.#source?.release(this);
    });
  }

  /** Resolves when the stream has taken what was flushed, or takes nothing more. */
  drained(): Promise<void> {
    const stream = this.#stream;
    if (!stream.writableNeedDrain || stream.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        stream.off('drain', done).off('close', done);
        resolve();
      };
      stream.on('drain', done).on('close', done);
    });
  }

  /** Write everything. Resolves when the stream has passed it on, or takes nothing more. */
  written(): Promise<void> {
    this.flush();
    if (this.#stream.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#stream.write('', () => resolve());
    });
  }
}
