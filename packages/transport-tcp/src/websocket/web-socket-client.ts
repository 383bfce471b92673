import { request } from 'node:http';
import type { Duplex } from 'node:stream';
import { VfioUserError } from '@vfio-user/core';
import { formatHostPort, type PortLayer, withoutZone } from '@vfio-user/core/transport';
import type { NetworkEndpoint } from '../address/endpoint.js';
import { receivedBehind } from '../link/received-bytes.js';
import { faultOfAnswer, newKey, requestHeaders } from './handshake.js';
import { webSocketLayer } from './web-socket-port.js';

/** What a client adds to a connected stream to speak WebSocket on it. */
export interface WebSocketClientOptions {
  readonly endpoint: NetworkEndpoint;
  /** For logs. */
  readonly peer: string;
  /** Largest message, bytes. */
  readonly maxMessageBytes: number;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The handshake of a WebSocket on a connected stream, which is destroyed if that fails.
 * @param established puts the layer on the stream, before that can receive more.
 */
export function webSocketClient<T>(
  stream: Duplex,
  { endpoint, peer, maxMessageBytes, timeoutMs, signal }: WebSocketClientOptions,
  established: (layer: PortLayer) => T,
): Promise<T> {
  const { host, port, path, href } = endpoint;
  return new Promise((resolve, reject) => {
    const key = newKey();
    const asked = request({
      path,
      // The name of the server goes into the header, since a URL does not take each that there is.
      headers: { host: formatHostPort(withoutZone(host), port), ...requestHeaders(key) },
      // Connected already, and encrypted if it should be.
      createConnection: () => stream,
    });
    const finish = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    const fail = (error: unknown): void => {
      finish();
      stream.on('error', () => {}).destroy();
      asked.on('error', () => {}).destroy();
      reject(error);
    };
    const onAbort = (): void => fail(signal?.reason);
    const timer = setTimeout(() => fail(silent(href, timeoutMs)), timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    const refuse = (what: string, cause?: Error): void =>
      fail(new VfioUserError('VFU_SYSTEM_ERROR', `${href}: ${what}`, { cause }));
    asked.once('error', (cause) =>
      refuse(`the server does not speak WebSocket there: ${cause.message}`, cause),
    );
    asked.once('response', ({ statusCode, statusMessage }) => {
      const hint =
        statusCode === 403
          ? 'it does not go by this name unless its URI says so with host=, see its log'
          : 'is the path right?';
      refuse(`the server answered ${statusCode} ${statusMessage}: ${hint}`);
    });
    asked.once('upgrade', (answer, _stream, head) => {
      const fault = faultOfAnswer(answer, key);
      if (fault !== undefined) {
        refuse(`the server does not speak WebSocket there: ${fault}`);
        return;
      }
      finish();
      const received = receivedBehind(stream, head);
      resolve(established(webSocketLayer({ peer, isServer: false, maxMessageBytes, received })));
    });
    asked.end();
  });
}

function silent(href: string, timeoutMs: number): VfioUserError {
  const text = `${href}: the server accepted the connection and did not answer the upgrade to WebSocket within ${Math.round(timeoutMs)} ms`;
  return new VfioUserError('VFU_TIMEOUT', text);
}
