import type { FramedConnection } from '@vfio-user/core/transport';
import type { PartsOf } from '../connection-parts.js';
import type { RawSocket } from '../stack/stack.js';

/** The outcome of an accepted socket. */
export interface AcceptOutcome {
  /** The protocol is right: the handshake or frames come next. */
  established(connection: FramedConnection): void;
  /** The protocol is wrong; the socket is closed. */
  rejected(reason: string): void;
  /** It was rejected, or the listener has given up on it: the socket is closed. */
  isOver(): boolean;
}

/** Makes connections of accepted sockets: plain, with TLS, or with WebSocket. */
export interface Acceptor {
  accept(socket: RawSocket, outcome: AcceptOutcome): void | Promise<void>;
}

/** Frames directly on the socket: tcp: and vsock:. */
export function plainAcceptor(partsOf: PartsOf): Acceptor {
  return {
    accept: (socket, { established }) => established(socket.connection(partsOf(socket.peer))),
  };
}
