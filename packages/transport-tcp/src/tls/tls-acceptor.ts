import { LinkConnection } from '../connection/link-connection.js';
import type { PartsOf } from '../connection/parts.js';
import { SocketLink } from '../link/socket-link.js';
import type { Acceptor } from '../listener/acceptor.js';
import type { Credentials } from './credentials.js';
import { explainTls } from './failure.js';
import { secureServer } from './secure-server.js';

/** Frames on TLS: tls:. */
export function tlsAcceptor(credentials: Credentials, partsOf: PartsOf): Acceptor {
  return {
    accept(socket, { established, rejected }) {
      const { peer } = socket;
      secureServer(socket.stream(), credentials, {
        onSecure: (secured) =>
          established(new LinkConnection(new SocketLink(secured, explainTls), partsOf(peer))),
        onFailure: rejected,
      });
    },
  };
}
