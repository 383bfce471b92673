// The transport rdma:, with an account of what its connections carry as messages.

import {
  type Accept,
  type Connection,
  type FrameSink,
  type Listener,
  type OpenContext,
  type Transport,
  TransportRegistry,
  type TransportUri,
} from '@vfio-user/core';
import { rdmaTransport } from '@vfio-user/transport-rdma';
import { tcpTransport } from '@vfio-user/transport-tcp';

/** Connects by RDMA or, unless told otherwise, not at all. */
export class CountedRdma implements Transport {
  readonly schemes: readonly string[];
  readonly queryKeys: readonly string[];
  /** Of its clients' connections: how many, and what they sent and received in frames. */
  connections = 0;
  frameBytes = 0;
  readonly #fallsBack: boolean;
  #last: Connection | undefined;
  readonly #transport = rdmaTransport({ bootstrap: tcpTransport({ insecure: true }) });

  constructor({ fallsBack = false } = {}) {
    this.#fallsBack = fallsBack;
    this.schemes = this.#transport.schemes;
    this.queryKeys = this.#transport.queryKeys;
  }

  /** For a client or a server of this transport alone. */
  get registry(): TransportRegistry {
    return new TransportRegistry([this]);
  }

  encodingFor(): 'portable' {
    return 'portable';
  }

  async connect(uri: TransportUri, accept: Accept, context: OpenContext): Promise<Connection> {
    const take: Accept = (connection, handshake) => this.#counted(accept(connection, handshake));
    const connection = await this.#transport.connect(uri, take, context);
    this.#last = connection;
    if (connection.oneSided?.description !== 'RDMA by rxe0') {
      if (this.#fallsBack) return connection;
      throw new Error('this is not RDMA');
    }
    this.connections++;
    const send = connection.send.bind(connection);
    connection.send = (head, data, descriptors) => {
      this.frameBytes += head.length + (data?.length ?? 0);
      return send(head, data, descriptors);
    };
    return connection;
  }

  /** End the last connection of its clients. */
  cut(): void {
    this.#last?.abort(new Error('cut'));
  }

  #counted(sink: FrameSink): FrameSink {
    return {
      onFrame: (frame) => {
        this.frameBytes += frame.length;
        sink.onFrame(frame);
      },
      onDrain: () => sink.onDrain(),
      onClose: (error) => sink.onClose(error),
    };
  }

  listen(uri: TransportUri, accept: Accept, context: OpenContext): Promise<Listener> {
    return this.#transport.listen(uri, accept, context);
  }
}
