import type { Connection, FrameSink, OpenContext } from '@vfio-user/core';
import type { NetworkConnection } from './parts.js';

/** Open the connection of a client: resolves once the handshake is complete. */
export function openConnection(
  connection: NetworkConnection,
  sink: FrameSink,
  { handshake, signal }: OpenContext,
  handshakeTimeoutMs: number,
): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => connection.abort(signal?.reason);
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
        reject(error);
      },
    });
  });
}
