import type { Listener, Logger } from '@vfio-user/core';
import { accept, type FileDescriptor, Poller } from '@vfio-user/posix-ffi';
import { errorCode } from '../system-failure.js';

/** Connections accepted before the event loop gets its turn again. */
const ACCEPTS_PER_TURN = 16;
/** How long to wait for descriptors or memory to become free. */
const RETRY_MS = 100;

/** What a listener is made of. */
export interface ListenerParts {
  readonly uri: string;
  readonly socket: FileDescriptor;
  readonly logger: Logger;
  /** Takes over an accepted socket. */
  onConnection(socket: FileDescriptor): void;
  /** Runs once, when the listener is closed. */
  onClose(): void;
}

/** Accepts connections on a listening socket, which it owns. */
export class UnixListener implements Listener {
  readonly uri: string;
  readonly #parts: ListenerParts;
  readonly #poller: Poller;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(parts: ListenerParts) {
    this.uri = parts.uri;
    this.#parts = parts;
    this.#poller = new Poller(parts.socket, () => this.#acceptSome());
    this.#poller.watch(true, false);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#poller.close();
    this.#parts.socket.close();
    this.#parts.onClose();
  }

  #acceptSome(): void {
    for (let i = 0; i < ACCEPTS_PER_TURN && !this.#closed; i++) {
      let socket: FileDescriptor | undefined;
      try {
        socket = accept(this.#parts.socket);
      } catch (error) {
        // The peer gave up while it waited.
        if (errorCode(error) === 'ECONNABORTED') continue;
        this.#pause(error);
        return;
      }
      if (socket === undefined) return;
      this.#parts.onConnection(socket);
    }
  }

  /** No descriptor is free, most likely. The connection keeps waiting, so polling on would spin. */
  #pause(error: unknown): void {
    this.#parts.logger.error(
      { err: error, uri: this.uri },
      'cannot accept a connection, trying again in a moment',
    );
    this.#poller.watch(false, false);
    this.#retry = setTimeout(() => this.#poller.watch(true, false), RETRY_MS);
  }
}
