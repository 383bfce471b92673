import type { Accept, Transport } from '@vfio-user/core';
import { FaultyConnection, type TransportFaults } from './faulty-connection.js';

/** A transport whose connections go wrong, at the level of frames, whatever carries them. */
export function faultyTransport(inner: Transport, faults: TransportFaults): Transport {
  const faulty =
    (accept: Accept): Accept =>
    (connection, handshake) =>
      new FaultyConnection(connection, faults, (outer) => accept(outer, handshake));
  return {
    schemes: inner.schemes,
    queryKeys: inner.queryKeys,
    ...(inner.createMemory && { createMemory: inner.createMemory.bind(inner) }),
    ...(inner.pageBytes !== undefined && { pageBytes: inner.pageBytes }),
    encodingFor: (uri) => inner.encodingFor?.(uri) ?? 'native',
    connect: (uri, accept, context) =>
      new Promise((resolve, reject) => {
        const take = faulty((connection, handshake) => {
          const sink = accept(connection, handshake);
          resolve(connection);
          return sink;
        });
        inner.connect(uri, take, context).catch(reject);
      }),
    listen: (uri, accept, context) => inner.listen(uri, faulty(accept), context),
  };
}
