import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { VfioUserError } from '@vfio-user/core';
import type { Metrics } from './metrics.js';
import type { MetricsAddress } from './metrics-address.js';

const PATH = '/metrics';
/** More than any number of scrapers. */
const MAX_CONNECTIONS = 16;

/** Shows metrics over HTTP, at one path. */
export class MetricsServer {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @throws {VfioUserError} `VFU_SYSTEM_ERROR` when the address cannot be listened on. */
  static async listen({ text, ip, port }: MetricsAddress, metrics: Metrics) {
    const server = createServer((request, response) => {
      void answer(request, response, metrics);
    });
    server.maxConnections = MAX_CONNECTIONS;
    server.listen(port, ip);
    try {
      await once(server, 'listening');
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new VfioUserError('VFU_SYSTEM_ERROR', `--metrics ${text}: cannot listen: ${why}`, {
        cause,
      });
    }
    return new MetricsServer(server);
  }

  /** Where it really listens. */
  get url(): string {
    // Listening on a port, so the address is no path.
    const { address, port, family } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}${PATH}`;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  metrics: Metrics,
): Promise<void> {
  const [path] = (request.url ?? '').split('?');
  if (path !== PATH) say(response, 404, `there is only ${PATH}\n`);
  else if (request.method !== 'GET') {
    say(response.setHeader('allow', 'GET'), 405, 'there is only GET\n');
  } else {
    const text = await metrics.text();
    response.setHeader('content-type', metrics.contentType).end(text);
  }
}

function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(text);
}
