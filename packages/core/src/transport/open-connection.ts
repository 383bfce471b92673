import { silentLogger } from '../logger.js';
import type { FramedConnection } from './framed-connection.js';
import type { Handshake } from './handshake.js';
import type { PendingConnections } from './pending-connections.js';
import type { Accept, Connection, FrameSink, OpenContext } from './transport.js';

/** Begin a connection as a client: resolves once the handshake is complete and it was accepted. */
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
    const handshake = context.handshake?.();
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

/** What a server decides about its connections. */
export interface ServerOpening {
  readonly accept: Accept;
  readonly context: OpenContext;
  readonly handshakeTimeoutMs: number;
  /** Where those of the same listener are that are not through the handshake. */
  readonly pending: PendingConnections;
  /** The peer did not get through the handshake. */
  refused(reason: string): void;
}

/** Begin a connection as a server: it is accepted once the handshake is complete. */
export function openServer(
  connection: FramedConnection,
  { accept, context, handshakeTimeoutMs, pending, refused }: ServerOpening,
): void {
  const handshake = context.handshake?.();
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
 * Hand a connection over. If that throws, the connection ends and `failed` is told why.
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

/** For a connection that nobody wants: it is over. */
export const nullSink: FrameSink = { onFrame() {}, onDrain() {}, onClose() {} };
