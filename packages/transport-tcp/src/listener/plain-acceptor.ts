import type { PartsOf } from '../connection-parts.js';
import type { Acceptor } from './acceptor.js';

/** Frames directly on the socket: tcp: and vsock:. */
export function plainAcceptor(partsOf: PartsOf): Acceptor {
  return {
    accept: (socket, { established }) => established(socket.connection(partsOf(socket.peer))),
  };
}
