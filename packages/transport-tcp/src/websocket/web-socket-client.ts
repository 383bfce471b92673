import type { Duplex } from 'node:stream';
import { VfioUserError } from '@vfio-user/core';
import { formatHostPort, withoutZone } from '@vfio-user/core/transport';
import { WebSocket } from 'ws';
import type { NetworkEndpoint } from '../address/endpoint.js';
import { WebSocketLink } from '../link/web-socket-link.js';

/** What a client adds to a connected stream to speak WebSocket on it. */
export interface WebSocketClientOptions {
  readonly endpoint: NetworkEndpoint;
  /** Largest message, bytes. */
  readonly maxPayload: number;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** A WebSocket on top of a connected stream: resolves once the server agreed. */
export function webSocketClient(
  stream: Duplex,
  { endpoint, maxPayload, timeoutMs, signal }: WebSocketClientOptions,
): Promise<WebSocketLink> {
  const { host, port, path, href } = endpoint;
  return new Promise((resolve, reject) => {
    // The name of the server goes into the header, since a URL does not take each that there is.
    const socket = new WebSocket(`ws://host${path}`, {
      headers: { host: formatHostPort(withoutZone(host), port) },
      // Connected already, and encrypted if it should be.
      createConnection: () => stream,
      perMessageDeflate: false,
      maxPayload,
    });
    const fail = (error: unknown): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.on('error', () => {});
      socket.terminate();
      reject(error);
    };
    const onAbort = (): void => fail(signal?.reason);
    // Not `handshakeTimeout`: that only works where the library made the socket.
    const timer = setTimeout(() => fail(silent(href, timeoutMs)), timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    socket.once('error', (cause) => {
      const text = `${href}: the server does not speak WebSocket there: ${cause.message}`;
      fail(new VfioUserError('VFU_SYSTEM_ERROR', text, { cause }));
    });
    socket.once('unexpected-response', (_request, { statusCode, statusMessage }) => {
      const hint =
        statusCode === 403
          ? 'it does not go by this name unless its URI says so with host=, see its log'
          : 'is the path right?';
      const text = `${href}: the server answered ${statusCode} ${statusMessage}: ${hint}`;
      fail(new VfioUserError('VFU_SYSTEM_ERROR', text));
    });
    socket.once('open', () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.removeAllListeners('error');
      resolve(new WebSocketLink(socket, (error) => error));
    });
  });
}

function silent(href: string, timeoutMs: number): VfioUserError {
  const text = `${href}: the server accepted the connection and did not answer the upgrade to WebSocket within ${Math.round(timeoutMs)} ms`;
  return new VfioUserError('VFU_TIMEOUT', text);
}
