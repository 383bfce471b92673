import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import { VfioUserError } from '@vfio-user/core';
import { withoutZone } from '@vfio-user/core/transport';
import type { NetworkEndpoint } from '../address/endpoint.js';
import { timedOut } from '../stack/failure.js';
import type { Credentials } from './credentials.js';
import { tlsFailure } from './failure.js';
import type { HandshakeStream } from './handshake-stream.js';

/** What a client adds to a connected socket to trust it. */
export interface SecureClientOptions {
  readonly endpoint: NetworkEndpoint;
  readonly credentials: Credentials;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** What the socket is, if the part of Node ends with the handshake. */
  readonly handshake?: HandshakeStream | undefined;
}

/** TLS on top of a connected socket: resolves once the server has proved who it is. */
export function secureClient(
  socket: Duplex,
  { endpoint, credentials, timeoutMs, signal, handshake }: SecureClientOptions,
): Promise<TLSSocket> {
  const host = withoutZone(endpoint.host);
  const servername = endpoint.tls.servername ?? (isIP(host) === 0 ? host : undefined);
  return new Promise((resolve, reject) => {
    const secured = connect({ ...credentials, socket, host, ...(servername && { servername }) });
    const finish = (error?: unknown): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      secured.removeListener('error', onError);
      secured.removeListener('close', onError);
      if (error === undefined) {
        resolve(secured);
      } else {
        secured.on('error', () => {});
        secured.destroy();
        reject(error);
      }
    };
    const onAbort = (): void => finish(signal?.reason);
    const onError = (cause: unknown): void => {
      const text = `${endpoint.href}: ${tlsFailure(cause)}`;
      finish(new VfioUserError('VFU_SYSTEM_ERROR', text, { cause }));
    };
    const timer = setTimeout(() => finish(timedOut(timeoutMs)), timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    secured.once('error', onError);
    secured.once('secureConnect', () => {
      if (handshake === undefined) finish();
      else handshake.finish(secured, finish);
    });
    if (handshake !== undefined) secured.on('keylog', (line) => handshake.onKeyLog(line, secured));
    if (signal?.aborted) onAbort();
  });
}
