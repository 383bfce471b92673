import type { NewConnection } from '@vfio-user/core/internal';
import type { RawSocket } from '../stack/stack.js';

/** What becomes of an accepted socket. */
export interface Arrival {
  /** It speaks what it should: frames, or the handshake before them, come next. */
  established(connection: NewConnection): void;
  /** It does not; the socket is closed already or will be. */
  rejected(reason: string): void;
  /** Nobody waits for it any more: the socket is closed. */
  isOver(): boolean;
}

/** Makes connections of accepted sockets: directly, with TLS, or by HTTP. */
export interface Acceptor {
  accept(socket: RawSocket, arrival: Arrival): void | Promise<void>;
}
