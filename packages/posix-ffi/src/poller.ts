import type { FileDescriptor } from './file-descriptor.js';
import { libc } from './libc.js';

interface Handle {
  start(options: { readable: boolean; writable: boolean }, callback: PollCallback): void;
  stop(): void;
  ref(): void;
  unref(): void;
  close(): void;
}

/** What koffi really passes: its type declaration leaves the status out. */
type PollCallback = (status: number, events: { readable: boolean; writable: boolean }) => void;

type Poll = (
  fd: number,
  options: { readable: boolean; writable: boolean },
  callback: PollCallback,
) => Handle;

/**
 * Waits in Node's event loop until a socket or an eventfd is ready. A descriptor can have one
 * poller only. Close it before the descriptor.
 */
export class Poller {
  readonly #descriptor: FileDescriptor;
  readonly #callback: PollCallback;
  #handle: Handle | undefined;
  #readable = false;
  #writable = false;
  #referenced = true;
  #closed = false;

  /**
   * @param onReady also called, with both flags set, when the descriptor failed: the next call
   * returns the error.
   */
  constructor(descriptor: FileDescriptor, onReady: (readable: boolean, writable: boolean) => void) {
    this.#descriptor = descriptor;
    this.#callback = (status, events) => {
      runDeferredSoon();
      if (status >= 0) return onReady(events.readable, events.writable);
      // libuv stops watching a descriptor that has an error pending.
      this.#readable = false;
      this.#writable = false;
      onReady(true, true);
    };
  }

  /** Watch for these from now on; for nothing when both are off. */
  watch(readable: boolean, writable: boolean): void {
    if (this.#closed || (readable === this.#readable && writable === this.#writable)) return;
    this.#readable = readable;
    this.#writable = writable;
    if (!readable && !writable) {
      this.#handle?.stop();
    } else if (this.#handle !== undefined) {
      this.#handle.start({ readable, writable }, this.#callback);
    } else {
      const poll = libc().koffi.node.poll as unknown as Poll; // see PollCallback
      this.#handle = poll(this.#descriptor.number, { readable, writable }, this.#callback);
      if (!this.#referenced) this.#handle.unref();
    }
  }

  /** Keep the process alive while watching (the default). */
  ref(): void {
    this.#referenced = true;
    this.#handle?.ref();
  }

  /** Let the process end while watching. */
  unref(): void {
    this.#referenced = false;
    this.#handle?.unref();
  }

  /** Idempotent. Nothing is reported after it returns. */
  close(): void {
    this.#closed = true;
    this.#handle?.close();
    this.#handle = undefined;
  }
}

/**
 * koffi calls back outside of any callback scope of Node. Since Node 26, what the callback leaves to
 * promises and to `process.nextTick` waits for the next callback that Node makes itself, and an idle
 * process makes none. An immediate is one, and still belongs to this turn of the event loop. Older
 * releases run it anyway, and are spared the immediate: it is one part in fifteen of a register read.
 */
const waitsForCallback = Number.parseInt(process.versions.node, 10) >= 26;

/** Whether promises and `process.nextTick` run as soon as a poller's callback returns. */
export const pollersRunPromises = !waitsForCallback;

let deferredRunsSoon = false;

function runDeferredSoon(): void {
  if (!waitsForCallback || deferredRunsSoon) return;
  deferredRunsSoon = true;
  setImmediate(onImmediate);
}

function onImmediate(): void {
  deferredRunsSoon = false;
}
