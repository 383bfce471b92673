import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import type { Credentials } from './credentials.js';
import { tlsFailure } from './failure.js';

/** What came of a client. */
export interface SecureServerEvents {
  onSecure(socket: TLSSocket): void;
  onFailure(reason: string): void;
}

/**
 * TLS on an accepted socket. With an authority (`ca`) the client has to have a certificate by it;
 * without one there is nothing to check a certificate against, so none is asked for.
 */
export function secureServer(
  socket: Socket,
  credentials: Credentials,
  { onSecure, onFailure }: SecureServerEvents,
): void {
  const requestCert = credentials.ca !== undefined;
  // One server for each socket: its events then tell which one they are about.
  const server = createServer({ ...credentials, requestCert, rejectUnauthorized: requestCert });
  server.once('secureConnection', onSecure);
  server.once('tlsClientError', (error, failed) => {
    // A client that was turned away for its certificate is hung up on; why stands at the socket.
    onFailure(tlsFailure(failed.authorizationError ?? error));
    failed.destroy();
  });
  server.emit('connection', socket);
}
