// A TCP relay that makes a line of a fast network as slow as wanted, in each direction on its own.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { ListeningProcess } from '@vfio-user/support';
import { type CommandPrefix, startListening } from '../device-server.js';
import { DelayLine, type LineOptions } from './delay-line.js';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface DelayRelayOptions {
  readonly connect: HostPort;
  readonly toServer: LineOptions;
  readonly toClient: LineOptions;
}

/** Listens on a free port of 127.0.0.1 and passes every connection on to `connect`. */
export class DelayRelay {
  readonly #options: DelayRelayOptions;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor(options: DelayRelayOptions) {
    this.#options = options;
    // A side that has sent all it will may still receive.
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#relay(client));
  }

  static async start(options: DelayRelayOptions): Promise<DelayRelay> {
    const relay = new DelayRelay(options);
    relay.#server.listen({ host: '127.0.0.1', port: 0 });
    await once(relay.#server, 'listening');
    return relay;
  }

  get address(): HostPort {
    const { address, port } = this.#server.address() as AddressInfo; // it listens on TCP
    return { host: address, port };
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #relay(client: Socket): void {
    const { connect: target, toServer, toClient } = this.#options;
    const server = connect({ ...target, allowHalfOpen: true });
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {
        // "close" follows
      });
      socket.on('close', () => {
        this.#sockets.delete(socket);
        // Broken, not ended: so is the other half, and what is on the line is lost.
        if (!socket.readableEnded) other.resetAndDestroy();
      });
    }
    new DelayLine(client, server, toServer);
    new DelayLine(server, client, toClient);
  }
}

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

/** Runs a delay relay as a process of its own; its address is `HOST:PORT`. */
export function startDelayRelay(
  options: DelayRelayOptions,
  prefix?: CommandPrefix,
): Promise<ListeningProcess> {
  // The same loader of TypeScript as this process has.
  const command = [process.execPath, ...process.execArgv, MAIN, JSON.stringify(options)];
  return startListening(command, prefix);
}
