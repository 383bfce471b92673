import type { Accept, Connection, FrameSink } from '@vfio-user/core';
import { RelayEnd } from './relay-end.js';
import type { RelayObserver } from './relay-observer.js';

/** A session that is passed through: the sink of the client's connection. */
export interface RelayedSession extends FrameSink {
  /** Stop reading from either side, because the observer cannot keep up. */
  hold(): void;
  /** Read again after {@link hold}. */
  release(): void;
}

/** What to do with descriptors that cannot be passed on. */
export interface RelaySessionOptions {
  /**
   * Whether a message means the same without its descriptors, as in the portable encoding: then
   * those that the other side cannot take are left out, otherwise they end the session.
   */
  readonly descriptorsAreOptional?: boolean;
}

/**
 * Pass whole messages between a client and its server, with their descriptors, and show them to
 * `observer`. Both connections must speak the same encoding; nothing is translated.
 * Back-pressure is passed on too, and so is the end of either.
 *
 * ```ts
 * await transport.listen(
 *   uri,
 *   (client) => relaySession(client, (accept) => transport.connect(uri, accept, context), observer),
 *   context,
 * );
 * ```
 *
 * @returns what the client's connection delivers to; it is not read before the server is connected.
 */
export function relaySession(
  client: Connection,
  connectServer: (accept: Accept) => Promise<Connection>,
  observer: RelayObserver,
  { descriptorsAreOptional = false }: RelaySessionOptions = {},
): RelayedSession {
  const fromClient = new RelayEnd('client', observer, descriptorsAreOptional);
  const fromServer = new RelayEnd('server', observer, descriptorsAreOptional);
  fromClient.opposite = fromServer;
  fromServer.opposite = fromClient;
  fromClient.connected(client);
  fromClient.stop('awaits');
  const accept: Accept = (server) => {
    fromServer.connected(server);
    if (fromClient.hasEnded) void server.close();
    else fromClient.go('awaits');
    return fromServer;
  };
  connectServer(accept).catch((error: Error) => {
    fromServer.hasEnded = true;
    if (fromClient.hasEnded) observer.onEnd(error);
    else client.abort(error);
  });
  return {
    onFrame: (frame) => fromClient.onFrame(frame),
    onDrain: () => fromClient.onDrain(),
    onClose: (error) => fromClient.onClose(error),
    hold() {
      fromClient.stop('held');
      fromServer.stop('held');
    },
    release() {
      fromClient.go('held');
      fromServer.go('held');
    },
  };
}
