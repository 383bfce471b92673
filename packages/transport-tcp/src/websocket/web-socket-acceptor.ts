import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { SecureContextOptions } from 'node:tls';
import { WebSocketServer } from 'ws';
import { LinkConnection } from '../connection/link-connection.js';
import type { PartsOf } from '../connection/parts.js';
import { WebSocketLink } from '../link/web-socket-link.js';
import type { Acceptor, Arrival } from '../listener/acceptor.js';
import { secureServer } from '../tls/secure-server.js';

/** How a WebSocket server differs from others. */
export interface WebSocketAcceptorOptions {
  /** Where it answers, `/` or `/a/path`. */
  readonly path: string;
  /** Of wss:. */
  readonly credentials: SecureContextOptions | undefined;
  /** Largest message, bytes. */
  readonly maxPayload: number;
}

interface Client {
  readonly peer: string;
  readonly arrival: Arrival;
}

const BAD_REQUEST = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n';
const NOT_FOUND = 'HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n';

/** Frames in WebSocket messages: ws: and wss:. */
export function webSocketAcceptor(
  { path, credentials, maxPayload }: WebSocketAcceptorOptions,
  partsOf: PartsOf,
): Acceptor {
  const clients = new WeakMap<Duplex, Client>();
  const webSockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload,
    clientTracking: false,
  });
  const server = createServer(({ socket, method, url }, response) => {
    clients.get(socket)?.arrival.rejected(`a plain HTTP request: ${method} ${url}`);
    askForUpgrade(response);
  });
  server.on('clientError', (error, socket) => {
    clients.get(socket)?.arrival.rejected(`it does not speak HTTP: ${error.message}`);
    hangUp(socket, BAD_REQUEST);
  });
  server.on('upgrade', (request, socket, head) => {
    const client = clients.get(socket);
    // One that has lost its connection meanwhile.
    if (client === undefined) return;
    const { peer, arrival } = client;
    if (pathOf(request) !== path) {
      arrival.rejected(`it asked for the path ${request.url}, the device is at ${path}`);
      hangUp(socket, NOT_FOUND);
      return;
    }
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      const link = new WebSocketLink(webSocket, (error) => error);
      arrival.established(new LinkConnection(link, partsOf(peer)));
    });
  });
  webSockets.on('wsClientError', (error, socket) => {
    clients.get(socket)?.arrival.rejected(`a bad WebSocket request: ${error.message}`);
    hangUp(socket, BAD_REQUEST);
  });

  const speakHttp = (stream: Duplex, client: Client): void => {
    clients.set(stream, client);
    server.emit('connection', stream);
  };
  return {
    accept(socket, arrival) {
      const client = { peer: socket.peer, arrival };
      const stream = socket.stream();
      if (credentials === undefined) {
        speakHttp(stream, client);
      } else {
        secureServer(stream, credentials, {
          onSecure: (secured) => speakHttp(secured, client),
          onFailure: arrival.rejected,
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

function hangUp(socket: Duplex, answer: string): void {
  socket.end(answer, () => socket.destroy());
}

function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split('?', 1)[0] as string;
}
