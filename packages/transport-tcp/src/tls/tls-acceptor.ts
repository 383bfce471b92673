import type { Logger } from '@vfio-user/core';
import type { PartsOf } from '../connection-parts.js';
import { linkConnection } from '../link/link-port.js';
import { SocketLink } from '../link/socket-link.js';
import type { Acceptor } from '../listener/acceptor.js';
import type { RenewableCredentials } from './credential-store.js';
import { explainTls } from './failure.js';
import { secureServer } from './secure-server.js';

/** Frames on TLS: tls:. */
export function tlsAcceptor(
  credentials: RenewableCredentials,
  partsOf: PartsOf,
  logger: Logger,
): Acceptor {
  return {
    async accept(socket, outcome) {
      const { peer } = socket;
      const current = await credentials.refresh(logger);
      if (outcome.isOver()) return;
      secureServer(socket.stream(), current, {
        onSecure: (secured) => {
          const link = new SocketLink(secured, explainTls);
          outcome.established(linkConnection(link, partsOf(peer, secured)));
        },
        onFailure: outcome.rejected,
      });
    },
  };
}
