import { join } from 'node:path';
import type { ListeningProcess } from '@vfio-user/support';
import { startServer } from './server-process.js';
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
  readonly #context: EchoServersContext;
  readonly #elsewhere: string | undefined;
  readonly #running = new Map<SocketKind, ListeningProcess>();

  /** `elsewhere`: URI of a server that runs already. */
  constructor(context: EchoServersContext, elsewhere: string | undefined) {
    this.#context = context;
    this.#elsewhere = elsewhere;
  }

  async at(socket: FloorSocket): Promise<EchoServerAddress> {
    if (socket === 'elsewhere') return { uri: this.#elsewhere as string }; // it was asked for
    const running = this.#running.get(socket) ?? (await this.#start(socket));
    this.#running.set(socket, running);
    const uri = running.address.replace('//any:', `//${VSOCK_LOOPBACK_CID}:`);
    const { pid } = running;
    return { uri, ...(pid !== undefined && { pid }) };
  }

  async close(): Promise<void> {
    for (const running of this.#running.values()) await running.stop();
    this.#running.clear();
  }

  #start(socket: SocketKind): Promise<ListeningProcess> {
    const listen = {
      unix: `unix://${join(this.#context.folder, 'echo.sock')}`,
      tcp: 'tcp://127.0.0.1:0',
      vsock: 'vsock://any:0',
    }[socket];
    const { host, signal } = this.#context;
    return startServer(host.script, ['bench', 'echo', '--listen', listen], signal);
  }
}
