import {
  type Accept,
  type Listener,
  type Logger,
  type OpenContext,
  silentLogger,
} from '@vfio-user/core';
import { type NewConnection, openServer } from '@vfio-user/core/internal';
import type { Settings } from '../options.js';
import type { RawListener, RawSocket } from '../stack/stack.js';
import type { Acceptor } from './acceptor.js';

/** What a listener is made of besides its socket. */
export interface ListenerParts {
  readonly acceptor: Acceptor;
  readonly settings: Settings;
  readonly accept: Accept;
  readonly context: OpenContext;
}

/**
 * Lets peers in. Until one has completed its greeting, the device does not hear of it: whoever
 * scans ports or speaks something else costs a socket for a limited time, and one line in the log.
 */
export class NetworkListener implements Listener {
  /** Filled in once it listens. */
  uri = '';
  readonly #parts: ListenerParts;
  readonly #logger: Logger;
  #socket: RawListener | undefined;
  #connections = 0;

  constructor(parts: ListenerParts) {
    this.#parts = parts;
    this.#logger = parts.context.logger ?? silentLogger;
  }

  /** From here on it answers to `uri`. */
  listening(uri: string, socket: RawListener): void {
    this.uri = uri;
    this.#socket = socket;
  }

  async close(): Promise<void> {
    await this.#socket?.close();
  }

  onSocket(socket: RawSocket): void {
    const { acceptor, settings } = this.#parts;
    if (this.#connections >= settings.maxConnections) {
      this.#refused(socket.peer, `there are ${this.#connections} connections already`);
      socket.destroy();
      return;
    }
    this.#connections++;
    const timer = setTimeout(() => {
      this.#refused(socket.peer, `it said too little within ${settings.handshakeTimeoutMs} ms`);
      done = true;
      socket.destroy();
    }, settings.handshakeTimeoutMs);
    let done = false;
    const once = (then: () => void): void => {
      clearTimeout(timer);
      if (!done) then();
      done = true;
    };
    socket.onClosed(() => {
      this.#connections--;
      // What TLS has to say about it comes a little later.
      setImmediate(() => {
        once(() => this.#refused(socket.peer, 'it closed the connection without a word'));
      });
    });
    acceptor.accept(socket, {
      established: (connection) => once(() => this.#open(connection)),
      rejected: (reason) => once(() => this.#refused(socket.peer, reason)),
    });
  }

  onError(error: Error): void {
    this.#logger.error({ err: error, uri: this.uri }, 'cannot accept a connection');
  }

  #open(connection: NewConnection): void {
    const { accept, context, settings } = this.#parts;
    openServer(connection, {
      accept,
      context,
      handshakeTimeoutMs: settings.handshakeTimeoutMs,
      refused: (reason) => this.#refused(connection.peer, reason),
    });
  }

  #refused(peer: string, reason: string): void {
    this.#logger.warn({ uri: this.uri, peer, reason }, 'refused a connection');
  }
}
