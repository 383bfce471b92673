import type { Socket } from 'node:net';
import type { FramedConnection, PortLayer } from '@vfio-user/core/transport';
import type { ConnectionParts } from '../connection-parts.js';

/**
 * A connected socket that was not read yet. {@link stream} or {@link connection} takes it over, or
 * the latter once what {@link lend} returned has done its part.
 */
export interface RawSocket {
  /** Name of the peer, for logs. */
  readonly peer: string;
  /** As a socket of Node, to put TLS on top of it. */
  stream(): Socket;
  /** As a socket of Node that speaks HTTP, until {@link connection} goes on from the next byte. */
  lend(): Socket;
  /**
   * A connection with frames directly on it.
   * @param layer what lies between them and the socket.
   */
  connection(parts: ConnectionParts, layer?: PortLayer): FramedConnection;
  /** Close it at once. */
  destroy(): void;
  /** Calls `listener` once when it is closed, whoever took it over. */
  onClosed(listener: () => void): void;
}

/** A listening socket. */
export interface RawListener {
  /** The bound port, with port 0 resolved. */
  readonly port: number;
  close(): Promise<void>;
}

export interface DialOptions {
  readonly timeoutMs: number;
  readonly peerTimeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface StackListenOptions {
  readonly backlog: number;
  readonly peerTimeoutMs: number;
  onSocket(socket: RawSocket): void;
  /** Accepting failed; it is tried again. */
  onError(error: Error): void;
}

/** A way to open sockets to addresses of type `Address`. */
export interface Stack<Address> {
  connect(address: Address, options: DialOptions): Promise<RawSocket>;
  listen(address: Address, options: StackListenOptions): Promise<RawListener>;
}
