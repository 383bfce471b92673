import type {
  Accept,
  Connection,
  EncodingName,
  FrameSink,
  Listener,
  OpenContext,
  Transport,
  TransportUri,
} from '@vfio-user/core';
import { orAborted } from '@vfio-user/core/transport';

const BROKEN = new Error('the cable was pulled');

/** A transport for clients whose links break when the test says so. */
export class BreakableTransport implements Transport {
  readonly schemes: readonly string[];
  readonly queryKeys: readonly string[];
  readonly #inner: Transport;
  readonly #links = new Map<Connection, FrameSink>();
  #reachable: Promise<void> = Promise.resolve();
  #plug: () => void = () => {};

  constructor(inner: Transport) {
    this.schemes = inner.schemes;
    this.queryKeys = inner.queryKeys;
    this.#inner = inner;
  }

  encodingFor(uri: TransportUri): EncodingName {
    return this.#inner.encodingFor?.(uri) ?? 'native';
  }

  /** End all links. */
  break(): void {
    for (const link of this.#links.keys()) link.abort(BROKEN);
    this.#links.clear();
  }

  /**
   * As {@link unplug}, but only the client learns that its links have ended: they stay open, and
   * nobody answers.
   * @returns what ends them.
   */
  strand(): () => void {
    const stranded = [...this.#links];
    this.#links.clear();
    this.unplug();
    for (const [, sink] of stranded) sink.onClose(BROKEN);
    return () => {
      for (const [link] of stranded) link.abort(BROKEN);
    };
  }

  /** End all links, and let none be made until {@link plug}. */
  unplug(): void {
    this.#reachable = new Promise((resolve) => {
      this.#plug = resolve;
    });
    this.break();
  }

  plug(): void {
    this.#plug();
  }

  async connect(uri: TransportUri, accept: Accept, context: OpenContext): Promise<Connection> {
    await orAborted(this.#reachable, context.signal);
    const take: Accept = (link, handshake) => {
      const sink = accept(link, handshake);
      this.#links.set(link, sink);
      return sink;
    };
    return this.#inner.connect(uri, take, context);
  }

  listen(): Promise<Listener> {
    throw new Error('only for clients');
  }
}
