import type { Socket } from 'node:net';
import type { FramedConnection } from '@vfio-user/core/transport';
import type { ConnectionParts } from '../connection-parts.js';

/** A connected socket that was not read yet. One of its methods takes it over. */
export interface RawSocket {
  /** Name of the peer, for logs. */
  readonly peer: string;
  /** As a socket of Node, to put TLS or HTTP on top of it. */
  stream(): Socket;
  /** A connection with frames directly on it. */
  connection(parts: ConnectionParts): FramedConnection;
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
