import type {
  Accept,
  Connection,
  EncodingName,
  Listener,
  OpenContext,
  SharedMemory,
  Transport,
  TransportUri,
} from '@vfio-user/core';
import type { TransportFaults } from './faulty-connection.js';
import { FaultyConnection } from './faulty-connection.js';

/** A transport whose connections go wrong, at the level of frames, whatever carries them. */
export function faultyTransport(inner: Transport, faults: TransportFaults): Transport {
  return new FaultyTransport(inner, faults);
}

class FaultyTransport implements Transport {
  readonly schemes: readonly string[];
  readonly queryKeys: readonly string[];
  readonly createMemory?: (name: string, length: number) => SharedMemory;
  readonly pageBytes?: number;
  readonly #inner: Transport;
  readonly #faults: TransportFaults;

  constructor(inner: Transport, faults: TransportFaults) {
    this.schemes = inner.schemes;
    this.queryKeys = inner.queryKeys;
    if (inner.createMemory !== undefined) this.createMemory = inner.createMemory.bind(inner);
    if (inner.pageBytes !== undefined) this.pageBytes = inner.pageBytes;
    this.#inner = inner;
    this.#faults = faults;
  }

  connect(uri: TransportUri, accept: Accept, context: OpenContext): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const take = this.#faulty((connection, handshake) => {
        const sink = accept(connection, handshake);
        resolve(connection);
        return sink;
      });
      this.#inner.connect(uri, take, context).catch(reject);
    });
  }

  encodingFor(uri: TransportUri): EncodingName {
    return this.#inner.encodingFor?.(uri) ?? 'native';
  }

  listen(uri: TransportUri, accept: Accept, context: OpenContext): Promise<Listener> {
    return this.#inner.listen(uri, this.#faulty(accept), context);
  }

  #faulty(accept: Accept): Accept {
    return (inner, handshake) =>
      new FaultyConnection(inner, this.#faults, (connection) => accept(connection, handshake));
  }
}
