import type { Duplex } from 'node:stream';
import { createServer, type TLSSocket } from 'node:tls';
import type { Credentials } from './credentials.js';
import { tlsFailure } from './failure.js';

/** What came of a client. */
export interface SecureServerEvents {
  onSecure(socket: TLSSocket): void;
  onFailure(reason: string): void;
  /** A line of the key log. */
  onKeyLog?(line: Buffer, socket: TLSSocket): void;
}

/**
 * TLS on an accepted socket. With an authority (`ca`) the client has to have a certificate by it;
 * without one there is nothing to check a certificate against, so none is asked for.
 */
export function secureServer(
  socket: Duplex,
  credentials: Credentials,
  { onSecure, onFailure, onKeyLog }: SecureServerEvents,
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
  if (onKeyLog !== undefined) server.on('keylog', onKeyLog);
  server.emit('connection', socket);
}
