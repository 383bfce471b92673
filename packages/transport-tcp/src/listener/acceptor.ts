import type { FramedConnection } from '@vfio-user/core/transport';
import type { PartsOf } from '../connection-parts.js';
import type { RawSocket } from '../stack/stack.js';

/** What becomes of an accepted socket. */
export interface AcceptOutcome {
  /** It speaks what it should: frames, or the handshake before them, come next. */
  established(connection: FramedConnection): void;
  /** It does not; the socket is closed already or will be. */
  rejected(reason: string): void;
  /** Nobody waits for it any more: the socket is closed. */
  isOver(): boolean;
}

/** Makes connections of accepted sockets: directly, with TLS, or by HTTP. */
export interface Acceptor {
  accept(socket: RawSocket, outcome: AcceptOutcome): void | Promise<void>;
}

/** Frames directly on the socket: tcp: and vsock:. */
export function plainAcceptor(partsOf: PartsOf): Acceptor {
  return {
    accept: (socket, { established }) => established(socket.connection(partsOf(socket.peer))),
  };
}
