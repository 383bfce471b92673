import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Logger } from '@vfio-user/core';
import { attemptFailed } from '@vfio-user/core/internal';
import { formatHostPort, PendingConnections } from '@vfio-user/core/transport';
import { OwnHosts } from '@vfio-user/transport-tcp/http';
import type { Metrics } from './metrics.js';
import type { MetricsAddress } from './metrics-address.js';

const PATH = '/metrics';
/** Connections at most: the least recently used one is closed for another. */
const MAX_CONNECTIONS = 64;

/** Serves metrics over HTTP, at one path. */
export class MetricsServer {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @throws {VfioUserError} `VFU_SYSTEM_ERROR` when the address cannot be listened on. */
  static async listen(address: MetricsAddress, metrics: Metrics, logger: Logger) {
    const { text, host, ip, port, hosts } = address;
    const own = new OwnHosts({ listen: host, allowed: hosts });
    const connections = new PendingConnections(MAX_CONNECTIONS);
    const keep = (socket: Socket): void => {
      connections.delete(socket);
      connections.add(socket, () => socket.destroy());
    };
    const server = createServer((request, response) => {
      keep(request.socket);
      // DNS rebinding: a web page whose name resolves to this machine must not read them.
      if (own.includes(request.headers.host)) void answer(request, response, metrics);
      else refuse(request, response, logger);
    });
    server.on('connection', (socket) => {
      keep(socket);
      socket.once('close', () => connections.delete(socket));
    });
    server.listen(port, ip);
    try {
      await once(server, 'listening');
    } catch (cause) {
      throw attemptFailed('listen-network', `--metrics ${text}: cannot listen`, cause);
    }
    return new MetricsServer(server);
  }

  /** Where it listens, with the port chosen. */
  get url(): string {
    // Listening on a port, so the address is no path.
    const { address, port } = this.#server.address() as AddressInfo;
    return `http://${formatHostPort(address, port)}${PATH}`;
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

function refuse({ headers, socket }: IncomingMessage, response: ServerResponse, logger: Logger) {
  const host = headers.host ?? '';
  const peer = formatHostPort(socket.remoteAddress ?? '', socket.remotePort);
  const reason = `it asked for the host ${JSON.stringify(host)}, which is none of this server: --metrics host:port?host=name adds one`;
  logger.warn({ peer, reason }, 'refused a request for metrics');
  say(response, 403, 'the metrics are not served under this name; the log says how they are\n');
}

function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(text);
}
