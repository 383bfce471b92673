import type { Listener, Logger } from '@vfio-user/core';
import type { FileDescriptor } from '@vfio-user/posix-ffi';
import { AcceptLoop } from '@vfio-user/transport-socket';

/** What a listener is made of. */
export interface UnixListenerParts {
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
  readonly #parts: UnixListenerParts;
  readonly #loop: AcceptLoop;
  #closed = false;

  constructor(parts: UnixListenerParts) {
    const { uri, socket, logger, onConnection } = parts;
    this.uri = uri;
    this.#parts = parts;
    this.#loop = new AcceptLoop(socket, {
      onSocket: onConnection,
      onError: (error) =>
        logger.error({ err: error, uri }, 'cannot accept a connection, trying again in a moment'),
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#loop.close();
    this.#parts.onClose();
  }
}
