import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net';
import { type FramedConnection, formatHostPort, type PortLayer } from '@vfio-user/core/transport';
import type { InternetAddress } from '@vfio-user/posix-ffi';
import type { ConnectionParts } from '../connection-parts.js';
import { linkConnection } from '../link/link-port.js';
import { SocketLink } from '../link/socket-link.js';
import { timedOut } from './failure.js';
import type { DialOptions, RawListener, RawSocket, Stack, StackListenOptions } from './stack.js';

/** TCP by Node alone: works on every platform. */
export const nodeStack: Stack<InternetAddress> = {
  connect: ({ host, port }, { timeoutMs, peerTimeoutMs, signal }: DialOptions) =>
    new Promise((resolve, reject) => {
      const socket = dial({ host, port, ...options(peerTimeoutMs) });
      const finish = (error?: unknown): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        socket.removeListener('error', finish);
        if (error === undefined) {
          resolve(new NodeSocket(socket));
        } else {
          socket.destroy();
          reject(error);
        }
      };
      const onAbort = (): void => finish(signal?.reason);
      const timer = setTimeout(() => finish(timedOut(timeoutMs)), timeoutMs);
      signal?.addEventListener('abort', onAbort, { once: true });
      socket.once('error', finish);
      socket.once('connect', () => finish());
    }),

  listen: ({ host, port }, { backlog, peerTimeoutMs, onSocket, onError }: StackListenOptions) =>
    new Promise<RawListener>((resolve, reject) => {
      const server = createServer(options(peerTimeoutMs), (socket) =>
        onSocket(new NodeSocket(socket)),
      );
      server.once('error', reject);
      server.listen({ host, port, backlog }, () => {
        server.removeListener('error', reject);
        server.on('error', onError);
        resolve({
          port: (server.address() as AddressInfo).port,
          // Resolves at once: connections live on, and Node would wait for them.
          close: async () => void server.close(),
        });
      });
    }),
};

/** A socket of Node that nobody reads yet. */
export class NodeSocket implements RawSocket {
  readonly peer: string;
  readonly #socket: Socket;

  /** `peer`: for a socket that cannot tell it itself. */
  constructor(
    socket: Socket,
    peer = formatHostPort(socket.remoteAddress ?? '', socket.remotePort ?? 0),
  ) {
    this.#socket = socket;
    this.peer = peer;
  }

  stream(): Socket {
    return this.#socket;
  }

  lend(): Socket {
    return this.#socket;
  }

  connection(parts: ConnectionParts, layer?: PortLayer): FramedConnection {
    return linkConnection(new SocketLink(this.#socket, (error) => error), parts, layer);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  onClosed(listener: () => void): void {
    this.#socket.once('close', listener);
  }
}

function options(peerTimeoutMs: number) {
  // Node can set when the first probe is sent, the rest is up to the system.
  return { noDelay: true, keepAlive: true, keepAliveInitialDelay: Math.ceil(peerTimeoutMs / 3) };
}
