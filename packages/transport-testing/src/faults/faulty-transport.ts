import type {
  Connection,
  FrameSink,
  Listener,
  OpenContext,
  SharedMemory,
  Transport,
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
  readonly #inner: Transport;
  readonly #faults: TransportFaults;

  constructor(inner: Transport, faults: TransportFaults) {
    this.schemes = inner.schemes;
    this.queryKeys = inner.queryKeys;
    if (inner.createMemory !== undefined) this.createMemory = inner.createMemory.bind(inner);
    this.#inner = inner;
    this.#faults = faults;
  }

  async connect(uri: URL, sink: FrameSink, context: OpenContext): Promise<Connection> {
    const connection = new FaultyConnection(this.#faults);
    connection.deliverTo(sink);
    return connection.attach(await this.#inner.connect(uri, connection, context));
  }

  listen(
    uri: URL,
    accept: (connection: Connection) => FrameSink,
    context: OpenContext,
  ): Promise<Listener> {
    const acceptFaulty = (inner: Connection): FrameSink => {
      const connection = new FaultyConnection(this.#faults).attach(inner);
      connection.deliverTo(accept(connection));
      return connection;
    };
    return this.#inner.listen(uri, acceptFaulty, context);
  }
}
