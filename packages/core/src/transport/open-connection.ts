import { silentLogger } from '../logger.js';
import type { FramedConnection } from './framed-connection.js';
import type { Handshake } from './handshake.js';
import type { PendingConnections } from './pending-connections.js';
import type { Accept, Connection, FrameSink, OpenContext } from './transport.js';

/** Open a connection as a client: resolves once the handshake is complete and it was accepted. */
export function openClient(
  connection: FramedConnection,
  accept: Accept,
  context: OpenContext,
  handshakeTimeoutMs: number,
): Promise<FramedConnection> {
  const { signal } = context;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => connection.abort(signal?.reason);
    if (signal?.aborted) {
      onAbort();
      reject(signal.reason);
      return;
    }
    signal?.addEventListener('abort', onAbort, { once: true });
    const handshake = context.handshake?.({ identity: connection.identity });
    connection.open({
      handshake,
      handshakeTimeoutMs,
      ready() {
        signal?.removeEventListener('abort', onAbort);
        const sink = acceptOr(connection, accept, handshake, reject);
        resolve(connection);
        return sink;
      },
      failed(error) {
        signal?.removeEventListener('abort', onAbort);
        reject(signal?.aborted ? signal.reason : error);
      },
    });
  });
}

/** How a server opens its connections. */
export interface ServerOpening {
  readonly accept: Accept;
  readonly context: OpenContext;
  readonly handshakeTimeoutMs: number;
  /** Connections of the same listener before the end of their handshake. */
  readonly pending: PendingConnections;
  /** The handshake failed. */
  refused(reason: string): void;
}

/** Open a connection as a server: it is accepted once the handshake is complete. */
export function openServer(
  connection: FramedConnection,
  { accept, context, handshakeTimeoutMs, pending, refused }: ServerOpening,
): void {
  const handshake = context.handshake?.({ identity: connection.identity });
  pending.add(connection, (reason) => connection.abort(reason));
  connection.open({
    handshake,
    handshakeTimeoutMs,
    ready() {
      pending.delete(connection);
      return acceptOr(connection, accept, handshake, (err) => {
        const { logger = silentLogger } = context;
        logger.error({ err, peer: connection.peer }, 'cannot serve a connection');
      });
    },
    failed(error) {
      pending.delete(connection);
      refused(error.message);
    },
  });
}

/**
 * Pass a connection to `accept`. If that throws, the connection ends and `failed` gets the error.
 */
export function acceptOr(
  connection: Connection,
  accept: Accept,
  handshake: Handshake | undefined,
  failed: (error: Error) => void,
): FrameSink {
  try {
    return accept(connection, handshake);
  } catch (reason) {
    const error = reason instanceof Error ? reason : new Error(String(reason));
    failed(error);
    connection.abort(error);
    return nullSink;
  }
}

/** Ignores all events, for a connection that has ended. */
export const nullSink: FrameSink = { onFrame() {}, onDrain() {}, onClose() {} };
