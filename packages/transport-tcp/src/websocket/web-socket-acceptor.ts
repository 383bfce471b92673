import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from '@vfio-user/core';
import type { NetworkEndpoint } from '../address/endpoint.js';
import type { PartsOf } from '../connection-parts.js';
import { OwnHosts } from '../http/own-hosts.js';
import { requestFault } from '../http/request-fault.js';
import { linkConnection } from '../link/link-port.js';
import { receivedBehind } from '../link/received-bytes.js';
import { SocketLink } from '../link/socket-link.js';
import type { AcceptOutcome, Acceptor } from '../listener/acceptor.js';
import type { RawSocket } from '../stack/stack.js';
import type { RenewableCredentials } from '../tls/credential-store.js';
import { secureServer } from '../tls/secure-server.js';
import { acceptance, faultOfRequest, WEB_SOCKET_VERSION } from './handshake.js';
import { webSocketLayer } from './web-socket-port.js';

/** How a WebSocket server differs from others. */
export interface WebSocketAcceptorOptions {
  /** Where it answers, and whom. */
  readonly endpoint: NetworkEndpoint;
  /** Of wss:. */
  readonly credentials: RenewableCredentials | undefined;
  /** Largest message, bytes. */
  readonly maxMessageBytes: number;
  readonly logger: Logger;
}

interface Client {
  readonly socket: RawSocket;
  readonly outcome: AcceptOutcome;
}

const FORBIDDEN = 'This device was not told of such a host or page; its log says which.\n';

/** Frames in WebSocket messages: ws: and wss:. */
export function webSocketAcceptor(
  { endpoint, credentials, maxMessageBytes, logger }: WebSocketAcceptorOptions,
  partsOf: PartsOf,
): Acceptor {
  const clients = new WeakMap<Duplex, Client>();
  const { path, host, http } = endpoint;
  const own = new OwnHosts({
    listen: host,
    allowed: http.hosts,
    certificate: () => credentials?.current.cert,
  });
  const server = createServer((request, response) => {
    const { socket, method, url } = request;
    const intrusion = requestFault(request, own, http.origins);
    clients.get(socket)?.outcome.rejected(intrusion ?? `a plain HTTP request: ${method} ${url}`);
    if (intrusion === undefined) askForUpgrade(response);
    else response.writeHead(403, { Connection: 'close' }).end(FORBIDDEN);
  });
  server.on('clientError', (error, socket) => {
    clients.get(socket)?.outcome.rejected(`it does not speak HTTP: ${error.message}`);
    hangUp(socket, 400);
  });
  server.on('upgrade', (request, socket, head) => {
    const client = clients.get(socket);
    // One that has lost its connection meanwhile.
    if (client === undefined) return;
    const { outcome } = client;
    // Behind a request that was answered already, and was the last.
    if (outcome.isOver()) {
      socket.end(() => socket.destroy());
      return;
    }
    const intrusion = requestFault(request, own, http.origins);
    if (intrusion !== undefined) {
      outcome.rejected(intrusion);
      hangUp(socket, 403, FORBIDDEN);
      return;
    }
    if (pathOf(request) !== path) {
      outcome.rejected(`it asked for the path ${request.url}, the device is at ${path}`);
      hangUp(socket, 404);
      return;
    }
    const fault = faultOfRequest(request);
    if (fault !== undefined) {
      outcome.rejected(`a bad WebSocket request: ${fault}`);
      hangUp(socket, 400, '', `Sec-WebSocket-Version: ${WEB_SOCKET_VERSION}\r\n`);
      return;
    }
    socket.write(acceptance(request));
    const { peer } = client.socket;
    const parts = partsOf(peer, socket);
    const layer = webSocketLayer({
      peer,
      isServer: true,
      maxMessageBytes,
      received: receivedBehind(socket, head),
    });
    outcome.established(
      credentials === undefined
        ? client.socket.connection(parts, layer)
        : linkConnection(new SocketLink(socket as Socket, (error) => error), parts, layer),
    );
  });

  const speakHttp = (stream: Duplex, client: Client): void => {
    clients.set(stream, client);
    server.emit('connection', stream);
  };
  return {
    async accept(socket, outcome) {
      const client = { socket, outcome };
      if (credentials === undefined) {
        speakHttp(socket.lend(), client);
      } else {
        const current = await credentials.refresh(logger);
        if (outcome.isOver()) return;
        secureServer(socket.stream(), current, {
          onSecure: (secured) => speakHttp(secured, client),
          onFailure: outcome.rejected,
        });
      }
    },
  };
}

function askForUpgrade(response: ServerResponse): void {
  const text =
    'This is a vfio-user device. It is reached by WebSocket, for example with\n  vfio-user info ws://host:port/path\n';
  response.writeHead(426, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    Upgrade: 'websocket',
    Connection: 'Upgrade, close',
  });
  response.end(text);
}

function hangUp(socket: Duplex, status: number, text = '', headers = ''): void {
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n`;
  socket.end(`${head}${headers}Content-Length: ${text.length}\r\n\r\n${text}`, () =>
    socket.destroy(),
  );
}

function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split('?', 1)[0] as string;
}
