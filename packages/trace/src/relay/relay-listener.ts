import {
  type Connection,
  type EncodingName,
  type Framing,
  type Handshake,
  type Listener,
  type Logger,
  type OpenContext,
  type Transport,
  type TransportUri,
  VfioUserError,
} from '@vfio-user/core';
import { deferred } from '@vfio-user/core/internal';
import { PendingConnections } from '@vfio-user/core/transport';
import type { RelayClient, RelayObserver } from './relay-observer.js';
import { type RelayedSession, relaySession } from './relay-session.js';
import { RelayedPreface } from './relayed-preface.js';

/** A URI and the transport it names. */
export interface RelayAddress {
  readonly transport: Transport;
  readonly uri: TransportUri;
}

export interface RelaySettings {
  observe(arrival: RelayClient): RelayObserver;
  readonly logger: Logger;
  readonly server: RelayAddress;
  readonly encoding: EncodingName;
  readonly framing: Framing;
}

/** An open session. */
interface OpenSession {
  readonly client: Connection;
  readonly session: RelayedSession;
  /** Aborts connecting to the server. */
  readonly abort: AbortController;
}

/** Sessions whose client has sent nothing yet, at most; the oldest makes room. */
const MAX_SILENT = 64;

/** Listens for clients and relays their sessions. */
export class RelayListener {
  readonly closed: Promise<void>;
  readonly #settings: RelaySettings;
  readonly #open = new Set<OpenSession>();
  readonly #holders = new Set<object>();
  readonly #silent = new PendingConnections(MAX_SILENT);
  #listener: Listener | undefined;
  #sessions = 0;
  #isClosing = false;
  #uri = '';
  readonly #ended = deferred();

  private constructor(settings: RelaySettings) {
    this.#settings = settings;
    this.closed = this.#ended.promise;
  }

  /** Resolves when it listens at `address`. An abort of `signal` until then rejects with its reason. */
  static async start(
    address: RelayAddress,
    settings: RelaySettings,
    signal?: AbortSignal,
  ): Promise<RelayListener> {
    const started = new RelayListener(settings);
    await started.#listen(address, signal);
    return started;
  }

  get uri(): string {
    return this.#uri;
  }

  async #listen({ transport, uri }: RelayAddress, signal?: AbortSignal): Promise<void> {
    // The client gets no preface before the server's has arrived.
    const handshake = (): Handshake => new RelayedPreface();
    this.#listener = await transport.listen(
      uri,
      (client, greeted) => this.#accept(client, greeted),
      this.#context(handshake, signal),
    );
    this.#uri = this.#listener.uri;
    void this.#listener.ended?.then(() => this.close());
  }

  statistics(): { readonly sessions: number; readonly open: number } {
    return { sessions: this.#sessions, open: this.#open.size };
  }

  hold(by: object): void {
    this.#holders.add(by);
    for (const { session } of this.#open) session.hold();
  }

  release(by: object): void {
    this.#holders.delete(by);
    if (this.#holders.size > 0) return;
    for (const { session } of this.#open) session.release();
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#listener?.close();
    for (const open of this.#open) closeOpenSession(open);
    this.#settle();
    await this.closed;
  }

  #accept(client: Connection, greeted: Handshake | undefined): RelayedSession {
    const { observe, encoding, server, logger } = this.#settings;
    const { peer } = client;
    const observer = observe({ peer, encoding });
    const abort = new AbortController();
    let handshake: (() => Handshake) | undefined;
    if (greeted instanceof RelayedPreface && greeted.received !== undefined) {
      const preface = greeted.received;
      observer.onPreface?.('client', preface);
      handshake = () =>
        new RelayedPreface(preface, (answer) => {
          observer.onPreface?.('server', answer);
          client.send(answer);
        });
    }
    const session = relaySession(
      client,
      (accept) =>
        server.transport.connect(server.uri, accept, this.#context(handshake, abort.signal)),
      {
        onFrame: (sender, frame) => {
          if (sender === 'client') this.#silent.delete(client);
          observer.onFrame(sender, frame);
        },
        onEnd: (error) => {
          this.#open.delete(open);
          this.#silent.delete(client);
          logger.info({ peer, ...(error && { reason: error.message }) }, 'session ended');
          observer.onEnd(error);
          this.#settle();
        },
      },
      { descriptorsAreOptional: encoding === 'portable' },
    );
    const open: OpenSession = { client, session, abort };
    this.#open.add(open);
    this.#silent.add(client, (reason) => {
      abort.abort(reason);
      client.abort(reason);
    });
    this.#sessions += 1;
    if (this.#holders.size > 0) session.hold();
    if (this.#isClosing) closeOpenSession(open);
    return session;
  }

  #context(handshake: (() => Handshake) | undefined, signal?: AbortSignal): OpenContext {
    const { framing, logger, encoding } = this.#settings;
    return {
      framing,
      logger,
      ...(encoding === 'portable' && handshake && { handshake }),
      ...(signal && { signal }),
    };
  }

  #settle(): void {
    if (this.#isClosing && this.#open.size === 0) this.#ended.resolve();
  }
}

function closeOpenSession({ client, abort }: OpenSession): void {
  abort.abort(new VfioUserError('VFU_PEER_CLOSED', 'the relay is ending'));
  void client.close();
}
