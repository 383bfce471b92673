// A TCP relay that cuts its connections after a number of bytes.

import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Test } from 'tap';

/** Where and how one connection ends. */
export interface Cut {
  readonly from: 'client' | 'server';
  /** Bytes from there that still pass. */
  readonly after: number;
  readonly how: 'reset' | 'end';
}

/** Relays to one server and cuts the connections one after the other. */
export class CuttingRelay {
  readonly #server: Server;
  readonly #target: URL;
  readonly #sockets = new Set<Socket>();
  #connections = 0;

  private constructor(target: URL, cutOf: (connection: number) => Cut) {
    this.#target = target;
    this.#server = createServer({ noDelay: true }, (client) =>
      this.#relay(client, cutOf(this.#connections++)),
    );
  }

  /** @param cutOf is asked for each connection, counted from 0. */
  static async start(
    t: Test,
    target: string,
    cutOf: (connection: number) => Cut,
  ): Promise<CuttingRelay> {
    const relay = new CuttingRelay(new URL(target), cutOf);
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => relay.#close());
    return relay;
  }

  get uri(): string {
    const address = this.#server.address();
    return `tcp://127.0.0.1:${typeof address === 'object' ? address?.port : address}`;
  }

  /** How many connections there were. */
  get connections(): number {
    return this.#connections;
  }

  #relay(client: Socket, { from, after, how }: Cut): void {
    const { hostname: host, port } = this.#target;
    const server = connect({ host, port: Number(port), noDelay: true });
    const sockets = [client, server];
    const end = (): void => {
      for (const socket of sockets) {
        if (how === 'reset') socket.resetAndDestroy();
        else socket.destroySoon();
      }
    };
    for (const [source, target] of [
      [client, server],
      [server, client],
    ] as const) {
      let left =
        source === (from === 'client' ? client : server) ? after : Number.POSITIVE_INFINITY;
      this.#sockets.add(source);
      source.on('data', (bytes: Buffer) => {
        if (left === 0) return;
        const passed = bytes.subarray(0, left);
        left -= passed.length;
        if (!target.write(passed)) {
          source.pause();
          target.once('drain', () => source.resume());
        }
        if (left === 0) end();
      });
      source.on('end', () => target.end());
      source.on('error', () => target.destroy());
      source.on('close', () => {
        this.#sockets.delete(source);
        target.destroySoon();
      });
    }
  }

  #close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
