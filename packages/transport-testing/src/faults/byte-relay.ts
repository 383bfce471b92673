import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { type ByteFaults, BytePipe } from './byte-pipe.js';

/** Where a byte stream can be reached: AF_UNIX or TCP. */
export type SocketAddress =
  | { readonly path: string }
  | { readonly host: string; readonly port: number };

export interface ByteRelayOptions {
  /** A port may be 0. */
  readonly listen: SocketAddress;
  readonly connect: SocketAddress;
  readonly toServer?: ByteFaults | FaultsOf;
  readonly toClient?: ByteFaults | FaultsOf;
}

/** Faults of each connection, numbered from 0. */
export type FaultsOf = (connection: number) => ByteFaults;

/** Relays a byte stream with faults. Bytes only: passed descriptors are lost. */
export class ByteRelay {
  readonly #options: ByteRelayOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #pipes = new Set<BytePipe>();
  #connections = 0;

  private constructor(options: ByteRelayOptions) {
    this.#options = options;
    // A side that has sent all it will may still receive.
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#relay(client));
  }

  static async listen(options: ByteRelayOptions): Promise<ByteRelay> {
    const relay = new ByteRelay(options);
    relay.#server.listen(options.listen);
    await once(relay.#server, 'listening');
    return relay;
  }

  /** Where it really listens. */
  get address(): SocketAddress {
    const address = this.#server.address();
    if (address === null) throw new Error('the relay does not listen');
    return typeof address === 'string'
      ? { path: address }
      : { host: address.address, port: address.port };
  }

  /** Read nothing and pass nothing on, in both directions. */
  stall(): void {
    for (const pipe of this.#pipes) pipe.stall();
  }

  resume(): void {
    for (const pipe of this.#pipes) pipe.resume();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #relay(client: Socket): void {
    const { toServer = {}, toClient = {} } = this.#options;
    const server = connect({ ...this.#options.connect, allowHalfOpen: true });
    const cut = (): void => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      // An error is followed by the end of the connection, which is all that matters here.
      socket.on('error', cut);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        if (client.destroyed && server.destroyed) return;
        if (socket.readableEnded && socket.writableFinished) return;
        cut();
      });
    }
    const connection = this.#connections++;
    const faultsOf = (faults: ByteFaults | FaultsOf): ByteFaults =>
      typeof faults === 'function' ? faults(connection) : faults;
    this.#pipes.add(new BytePipe(client, server, faultsOf(toServer), cut));
    this.#pipes.add(new BytePipe(server, client, faultsOf(toClient), cut));
  }
}
