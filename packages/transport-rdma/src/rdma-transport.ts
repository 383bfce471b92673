import {
  type Accept,
  type Connection,
  type EncodingName,
  type Handshake,
  type HandshakeOrigin,
  type Listener,
  type Logger,
  type OpenContext,
  silentLogger,
  type Transport,
  type TransportUri,
} from '@vfio-user/core';
import { listenedNoMore } from '@vfio-user/core/internal';
import { PendingConnections } from '@vfio-user/core/transport';
import { type AdapterChoice, chooseAdapter } from './endpoint/adapter-choice.js';
import { QueuePairEnd } from './endpoint/queue-pair-end.js';
import { type RdmaSettings, type RdmaTransportOptions, resolveOptions } from './options.js';
import { boundUri, parseTarget, QUERY_KEYS, type RdmaTarget } from './rdma-uri.js';
import { BareHandshake } from './setup/bare-handshake.js';
import { noRdma, tryQueuePair } from './setup/client-attempt.js';
import { ClientHandshake } from './setup/client-handshake.js';
import { IncomingClient } from './setup/incoming-client.js';
import { ATTACHMENT } from './setup/records.js';
import { ServerHandshake } from './setup/server-handshake.js';

/** vfio-user over RDMA: `rdma:`. */
export function rdmaTransport(options: RdmaTransportOptions): Transport {
  return new RdmaTransport(resolveOptions(options));
}

class RdmaTransport implements Transport {
  readonly schemes = ['rdma'] as const;
  readonly queryKeys = QUERY_KEYS;
  readonly #settings: RdmaSettings;

  constructor(settings: RdmaSettings) {
    this.#settings = settings;
  }

  encodingFor(): EncodingName {
    return 'portable';
  }

  async connect(uri: TransportUri, accept: Accept, context: OpenContext): Promise<Connection> {
    const settings = this.#settings;
    const { framing, logger = silentLogger, signal } = context;
    const target = parseTarget(uri, settings.bootstrap);
    const choice = this.#choose(target);
    const createEnd = this.#endMaker(choice, context);
    return new Promise((resolve, reject) => {
      const take: Accept = (bootstrap, completed) => {
        const { outcome, inner } = completed as ClientHandshake;
        return tryQueuePair(bootstrap, {
          target,
          handshake: ownHandshake(inner),
          outcome: choice instanceof Error ? { reason: choice.message } : outcome,
          framing,
          settings,
          logger,
          signal,
          accept,
          connected: resolve,
          failed: reject,
        });
      };
      const handshake = (origin?: HandshakeOrigin): Handshake =>
        new ClientHandshake(greet(choice, context, origin), createEnd);
      settings.bootstrap.connect(target.bootstrap, take, { ...context, handshake }).catch(reject);
    });
  }

  async listen(uri: TransportUri, accept: Accept, context: OpenContext): Promise<Listener> {
    const settings = this.#settings;
    const { logger = silentLogger, framing } = context;
    const target = parseTarget(uri, settings.bootstrap);
    const choice = this.#choose(target);
    if (choice instanceof Error) {
      logger.warn(
        { uri: target.href, reason: choice.message },
        'no RDMA, clients are served by messages',
      );
    }
    const { fallsBack } = target;
    const pending = new PendingConnections(settings.maxPending);
    const take: Accept = (bootstrap, completed) => {
      const { outcome, inner } = completed as ServerHandshake;
      const handshake = ownHandshake(inner);
      if (choice instanceof Error) return accept(bootstrap, handshake);
      return IncomingClient.take({
        bootstrap,
        handshake,
        outcome,
        fallsBack,
        framing,
        settings,
        logger,
        accept,
        pending,
      });
    };
    const listener = await settings.bootstrap.listen(target.bootstrap, take, {
      ...context,
      handshake: (origin) =>
        new ServerHandshake(greet(choice, context, origin), this.#endMaker(choice, context)),
    });
    const close = async (): Promise<void> => {
      pending.dropAll(listenedNoMore(target.href));
      await listener.close();
    };
    return { uri: boundUri(uri, listener.uri), close };
  }

  async reload(logger: Logger): Promise<void> {
    await this.#settings.bootstrap.reload?.(logger);
  }

  /** @throws {VfioUserError} `VFU_UNSUPPORTED` when there is no adapter and nothing else will do. */
  #choose(target: RdmaTarget): AdapterChoice | Error {
    try {
      return chooseAdapter(this.#settings.verbs, target);
    } catch (error) {
      if (!target.fallsBack) throw noRdma(target, (error as Error).message);
      return error as Error;
    }
  }

  #endMaker(
    choice: AdapterChoice | Error,
    { logger = silentLogger }: OpenContext,
  ): (() => QueuePairEnd) | undefined {
    return choice instanceof Error
      ? undefined
      : () => new QueuePairEnd(choice, this.#settings, logger);
  }
}

function greet(
  choice: AdapterChoice | Error,
  context: OpenContext,
  origin: HandshakeOrigin | undefined,
): Handshake {
  const attachment = choice instanceof Error ? undefined : ATTACHMENT;
  return context.handshake?.({ ...origin, attachment }) ?? new BareHandshake(attachment);
}

/** What the session's encoding wanted, if it wanted any. */
function ownHandshake(inner: Handshake): Handshake | undefined {
  return inner instanceof BareHandshake ? undefined : inner;
}
