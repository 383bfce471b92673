import { errorCode } from '@vfio-user/core/internal';
import { accept, type FileDescriptor, Poller } from '@vfio-user/posix-ffi';

/** Connections accepted before the event loop gets its turn again. */
const ACCEPTS_PER_TURN = 16;
/** How long to wait for descriptors or memory to become free, ms. */
const RETRY_MS = 100;

/** Events of an {@link AcceptLoop}. */
export interface AcceptEvents {
  onSocket(socket: FileDescriptor): void;
  /** Accepting failed; it is tried again. */
  onError(error: Error): void;
}

/** Accepts connections on a listening socket, which it owns, until it is closed. */
export class AcceptLoop {
  readonly #socket: FileDescriptor;
  readonly #events: AcceptEvents;
  readonly #poller: Poller;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(socket: FileDescriptor, events: AcceptEvents) {
    this.#socket = socket;
    this.#events = events;
    this.#poller = new Poller(socket, () => this.#acceptSome());
    this.#poller.watch(true, false);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#poller.close();
    this.#socket.close();
  }

  #acceptSome(): void {
    for (let i = 0; i < ACCEPTS_PER_TURN && !this.#closed; i++) {
      let socket: FileDescriptor | undefined;
      try {
        socket = accept(this.#socket);
      } catch (error) {
        // The peer closed while it was waiting.
        if (errorCode(error) === 'ECONNABORTED') continue;
        this.#pause(error as Error);
        return;
      }
      if (socket === undefined) return;
      this.#events.onSocket(socket);
    }
  }

  /** No descriptor is free, most likely. The connection keeps waiting, so polling on would spin. */
  #pause(error: Error): void {
    this.#events.onError(error);
    this.#poller.watch(false, false);
    this.#retry = setTimeout(() => this.#poller.watch(true, false), RETRY_MS);
  }
}
