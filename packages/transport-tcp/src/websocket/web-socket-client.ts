import type { Duplex } from 'node:stream';
import { VfioUserError } from '@vfio-user/core';
import { WebSocket } from 'ws';
import type { NetworkEndpoint } from '../address/endpoint.js';
import { hostPort } from '../address/resolve.js';
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
  const { scheme, host, port, path, href } = endpoint;
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${scheme}://${hostPort(host, port)}${path}`, {
      // Encrypted already, if it should be.
      createConnection: () => stream,
      perMessageDeflate: false,
      handshakeTimeout: timeoutMs,
      maxPayload,
      ...(scheme === 'wss' && { generateMask: noMask }),
    });
    const fail = (error: unknown): void => {
      signal?.removeEventListener('abort', onAbort);
      socket.on('error', () => {});
      socket.terminate();
      reject(error);
    };
    const onAbort = (): void => fail(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.once('error', (cause) => {
      const text = `${href}: the server does not speak WebSocket there: ${cause.message}`;
      fail(new VfioUserError('VFU_SYSTEM_ERROR', text, { cause }));
    });
    socket.once('unexpected-response', (_request, { statusCode, statusMessage }) => {
      const text = `${href}: the server answered ${statusCode} ${statusMessage}: is the path right?`;
      fail(new VfioUserError('VFU_SYSTEM_ERROR', text));
    });
    socket.once('open', () => {
      signal?.removeEventListener('abort', onAbort);
      socket.removeAllListeners('error');
      resolve(new WebSocketLink(socket, (error) => error));
    });
  });
}

/**
 * A mask keeps proxies from taking what a client sends for HTTP (RFC 6455, 10.3). Inside TLS none
 * of them sees it, and masking is what costs most of a large message. A mask of zeros is none.
 */
function noMask(mask: Buffer): void {
  mask.fill(0);
}
