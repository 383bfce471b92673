import {
  type Accept,
  type Listener,
  type Logger,
  type OpenContext,
  silentLogger,
} from '@vfio-user/core';
import { listenedNoMore } from '@vfio-user/core/internal';
import { type FramedConnection, openServer, PendingConnections } from '@vfio-user/core/transport';
import type { TcpSettings } from '../options.js';
import type { RawListener, RawSocket } from '../stack/stack.js';
import type { Acceptor } from './acceptor.js';

/** What a listener is made of besides its socket. */
export interface NetworkListenerParts {
  readonly acceptor: Acceptor;
  readonly settings: TcpSettings;
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
  readonly #parts: NetworkListenerParts;
  readonly #logger: Logger;
  readonly #pending: PendingConnections;
  #socket: RawListener | undefined;

  constructor(parts: NetworkListenerParts) {
    this.#parts = parts;
    this.#logger = parts.context.logger ?? silentLogger;
    this.#pending = new PendingConnections(parts.settings.maxPending);
  }

  /** From here on it answers to `uri`. */
  listening(uri: string, socket: RawListener): void {
    this.uri = uri;
    this.#socket = socket;
  }

  async close(): Promise<void> {
    this.#pending.dropAll(listenedNoMore(this.uri));
    await this.#socket?.close();
  }

  onSocket(socket: RawSocket): void {
    const { acceptor, settings } = this.#parts;
    const timer = setTimeout(
      () => drop(`it said too little within ${settings.handshakeTimeoutMs} ms`),
      settings.handshakeTimeoutMs,
    );
    let done = false;
    const once = (then: () => void): void => {
      clearTimeout(timer);
      this.#pending.delete(socket);
      if (!done) then();
      done = true;
    };
    const drop = (reason: string): void => {
      once(() => this.#refused(socket.peer, reason));
      socket.destroy();
    };
    this.#pending.add(socket, ({ message }) => drop(message));
    socket.onClosed(() => {
      // What TLS has to say about it comes a little later.
      setImmediate(() => {
        once(() => this.#refused(socket.peer, 'it closed the connection without a word'));
      });
    });
    void acceptor.accept(socket, {
      isOver: () => done,
      established: (connection) => once(() => this.#open(connection)),
      rejected: (reason) => once(() => this.#refused(socket.peer, reason)),
    });
  }

  onError(error: Error): void {
    this.#logger.error({ err: error, uri: this.uri }, 'cannot accept a connection');
  }

  #open(connection: FramedConnection): void {
    const { accept, context, settings } = this.#parts;
    openServer(connection, {
      accept,
      context,
      pending: this.#pending,
      handshakeTimeoutMs: settings.handshakeTimeoutMs,
      refused: (reason) => this.#refused(connection.peer, reason),
    });
  }

  #refused(peer: string, reason: string): void {
    this.#logger.warn({ uri: this.uri, peer, reason }, 'refused a connection');
  }
}
