import { join } from 'node:path';
import { ServerProcesses, startServer } from './server-process.js';
import type { BenchHost } from './target.js';
import { type FloorSocket, type SocketKind, VSOCK_LOOPBACK_CID } from './transports.js';

/** Where an echo server is. */
export interface EchoServerAddress {
  readonly uri: string;
  /** If it is on this machine. */
  readonly pid?: number;
}

/** Where echo servers are started. */
export interface EchoServersContext {
  readonly host: BenchHost;
  /** Takes a socket; its name is short enough for it. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** The echo servers of a run, started when they are needed. */
export class EchoServers {
  readonly #servers: ServerProcesses<SocketKind>;
  readonly #elsewhere: string | undefined;

  /** `elsewhere`: URI of a server that runs already. */
  constructor({ host, folder, signal }: EchoServersContext, elsewhere: string | undefined) {
    this.#servers = new ServerProcesses((socket) => {
      const listen = {
        unix: `unix://${join(folder, 'echo.sock')}`,
        tcp: 'tcp://127.0.0.1:0',
        vsock: 'vsock://any:0',
      }[socket];
      return startServer(host.script, ['bench', 'echo', '--listen', listen], signal);
    });
    this.#elsewhere = elsewhere;
  }

  async at(socket: FloorSocket): Promise<EchoServerAddress> {
    if (socket === 'elsewhere') return { uri: this.#elsewhere as string }; // it was asked for
    const { address, ...process } = await this.#servers.get(socket);
    return { uri: address.replace('//any:', `//${VSOCK_LOOPBACK_CID}:`), ...process };
  }

  close(): Promise<void> {
    return this.#servers.close();
  }
}
