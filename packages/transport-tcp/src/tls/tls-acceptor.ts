import type { Logger } from '@vfio-user/core';
import type { PartsOf } from '../connection-parts.js';
import { linkConnection } from '../link/link-port.js';
import { SocketLink } from '../link/socket-link.js';
import type { AcceptOutcome, Acceptor } from '../listener/acceptor.js';
import type { TcpSettings } from '../options.js';
import type { RawSocket } from '../stack/stack.js';
import type { RenewableCredentials } from './credential-store.js';
import type { Credentials } from './credentials.js';
import { explainTls } from './failure.js';
import { HandshakeStream } from './handshake-stream.js';
import { canSealRecords, recordConnection } from './record-connection.js';
import { secureServer } from './secure-server.js';

/** How {@link tlsAcceptor} works. */
export interface TlsAcceptorOptions {
  readonly settings: TcpSettings;
  readonly logger: Logger;
}

/** Frames on TLS: tls:. */
export function tlsAcceptor(
  credentials: RenewableCredentials,
  partsOf: PartsOf,
  { settings, logger }: TlsAcceptorOptions,
): Acceptor {
  const speak = canSealRecords(settings) ? acceptRecords : acceptStream;
  return {
    async accept(socket, outcome) {
      const current = await credentials.refresh(logger);
      if (!outcome.isOver()) speak(socket, current, partsOf, outcome);
    },
  };
}

/** Node does the handshake, and records are made here. */
function acceptRecords(
  socket: RawSocket,
  credentials: Credentials,
  partsOf: PartsOf,
  outcome: AcceptOutcome,
): void {
  const { peer } = socket;
  const handshake = new HandshakeStream(socket.lend(), 'server');
  secureServer(handshake, credentials, {
    onSecure: (secured) => {
      const parts = partsOf(peer, secured);
      handshake.finish(secured, (error) => {
        if (error !== undefined) outcome.rejected(error.message);
        else outcome.established(recordConnection(socket, parts, handshake));
      });
    },
    onFailure: outcome.rejected,
    onKeyLog: (line, secured) => handshake.onKeyLog(line, secured),
  });
}

/** All of it is done by Node. */
function acceptStream(
  socket: RawSocket,
  credentials: Credentials,
  partsOf: PartsOf,
  outcome: AcceptOutcome,
): void {
  const { peer } = socket;
  secureServer(socket.stream(), credentials, {
    onSecure: (secured) => {
      const link = new SocketLink(secured, explainTls);
      outcome.established(linkConnection(link, partsOf(peer, secured)));
    },
    onFailure: outcome.rejected,
  });
}
