import type {
  Accept,
  Connection,
  EncodingName,
  FrameSink,
  Handshake,
  Listener,
  OpenContext,
  SharedMemory,
  Transport,
  TransportUri,
} from '@vfio-user/core';
import type { TransportFaults } from './faults.js';
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

  async connect(uri: TransportUri, sink: FrameSink, context: OpenContext): Promise<Connection> {
    const connection = new FaultyConnection(this.#faults);
    connection.deliverTo(sink);
    return connection.attach(await this.#inner.connect(uri, connection, context));
  }

  encodingFor(uri: TransportUri): EncodingName {
    return this.#inner.encodingFor?.(uri) ?? 'native';
  }

  listen(uri: TransportUri, accept: Accept, context: OpenContext): Promise<Listener> {
    const acceptFaulty = (inner: Connection, handshake?: Handshake): FrameSink => {
      const connection = new FaultyConnection(this.#faults).attach(inner);
      connection.deliverTo(accept(connection, handshake));
      return connection;
    };
    return this.#inner.listen(uri, acceptFaulty, context);
  }
}
