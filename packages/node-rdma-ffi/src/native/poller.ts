import { platform } from './platform.js';

/** What koffi really passes: its type declaration leaves the status out. */
type PollCallback = (status: number) => void;

type Poll = (
  fd: number,
  options: { readable: boolean; writable: boolean },
  callback: PollCallback,
) => Handle;

interface Handle {
  close(): void;
  unref(): void;
}

/** Waits in Node's event loop until a descriptor is readable. Close it before the descriptor. */
export class Poller {
  #handle: Handle | undefined;

  /** @param onReadable also called when the descriptor failed: the next read returns the error. */
  constructor(fd: number, onReadable: () => void) {
    const poll = platform().koffi.node.poll as unknown as Poll; // see PollCallback
    this.#handle = poll(fd, { readable: true, writable: false }, () => {
      // koffi calls back outside of any callback scope of Node: without a callback that Node makes itself,
      // what is left to promises and `process.nextTick` would wait, in an idle process for ever.
      setImmediate(noop);
      onReadable();
    });
  }

  /** Lets the process end while waiting. */
  unref(): void {
    this.#handle?.unref();
  }

  /** Idempotent. Nothing is reported after it returns. */
  close(): void {
    this.#handle?.close();
    this.#handle = undefined;
  }
}

function noop(): void {}
