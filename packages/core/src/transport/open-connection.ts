import { silentLogger } from '../logger.js';
import type { FramedConnection } from './framed-connection.js';
import type { PendingConnections } from './pending-connections.js';
import type { Accept, FrameSink, OpenContext } from './transport.js';

/** Begin a connection as a client: resolves once the handshake is complete. */
export function openClient(
  connection: FramedConnection,
  sink: FrameSink,
  { handshake, signal }: OpenContext,
  handshakeTimeoutMs: number,
): Promise<FramedConnection> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => connection.abort(signal?.reason);
    if (signal?.aborted) {
      onAbort();
      reject(signal.reason);
      return;
    }
    signal?.addEventListener('abort', onAbort, { once: true });
    connection.open({
      handshake: handshake?.(),
      handshakeTimeoutMs,
      ready() {
        signal?.removeEventListener('abort', onAbort);
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
      try {
        return accept(connection, handshake);
      } catch (error) {
        const { logger = silentLogger } = context;
        logger.error({ err: error, peer: connection.peer }, 'cannot serve a connection');
        connection.abort(error instanceof Error ? error : new Error(String(error)));
        return nobody;
      }
    },
    failed(error) {
      pending.delete(connection);
      refused(error.message);
    },
  });
}

const nobody: FrameSink = { onFrame() {}, onDrain() {}, onClose() {} };
