import {
  type Accept,
  type Connection,
  type EncodingName,
  type FrameSink,
  type Handshake,
  type Listener,
  type Logger,
  type OpenContext,
  silentLogger,
  type Transport,
  type TransportUri,
  VfioUserError,
} from '@vfio-user/core';
import { PendingConnections } from '@vfio-user/core/transport';
import { rdmaConnection } from './connection/rdma-connection.js';
import { type AdapterChoice, chooseAdapter } from './endpoint/adapter-choice.js';
import { QueuePairEnd } from './endpoint/queue-pair-end.js';
import { type RdmaTransportOptions, resolveOptions, type Settings } from './options.js';
import { boundUri, parseTarget, QUERY_KEYS, type RdmaTarget } from './rdma-uri.js';
import { Arrival } from './setup/arrival.js';
import { BareHandshake } from './setup/bare-handshake.js';
import { BootstrapSink } from './setup/bootstrap-sink.js';
import { ClientHandshake } from './setup/client-handshake.js';
import { QueuePairProbe } from './setup/queue-pair-probe.js';
import { ATTACHMENT } from './setup/records.js';
import { ServerHandshake } from './setup/server-handshake.js';
import type { SetupOutcome } from './setup/setup-handshake.js';

/** vfio-user over RDMA: `rdma:`. */
export function rdmaTransport(options: RdmaTransportOptions): Transport {
  return new RdmaTransport(resolveOptions(options));
}

class RdmaTransport implements Transport {
  readonly schemes = ['rdma'] as const;
  readonly queryKeys = QUERY_KEYS;
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  encodingFor(): EncodingName {
    return 'portable';
  }

  async connect(uri: TransportUri, sink: FrameSink, context: OpenContext): Promise<Connection> {
    const settings = this.#settings;
    const target = parseTarget(uri, settings.bootstrap);
    const choice = this.#choose(target);
    const bootstrapSink = new BootstrapSink();
    let handshake: ClientHandshake | undefined;
    const bootstrap = await settings.bootstrap.connect(target.bootstrap, bootstrapSink, {
      ...context,
      handshake: () => {
        handshake = new ClientHandshake(
          greet(choice, context),
          this.#endpointMaker(choice, context),
        );
        return handshake;
      },
    });
    const outcome = (handshake as ClientHandshake | undefined)?.outcome ?? NOT_SET_UP;
    const joined = await this.#join(outcome, bootstrap, bootstrapSink, sink, context);
    if (!('reason' in joined)) return joined;
    const { logger = silentLogger, signal } = context;
    if (signal?.aborted) {
      bootstrap.abort(signal.reason);
      throw signal.reason;
    }
    const reason = choice instanceof Error ? choice.message : joined.reason;
    if (!target.fallsBack) {
      const error = noRdma(target, reason);
      bootstrap.abort(error);
      throw error;
    }
    logger.warn(
      { uri: target.href, peer: bootstrap.peer, reason },
      'no RDMA, everything goes by messages',
    );
    bootstrapSink.handTo(sink);
    return bootstrap;
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
      const handshake = inner instanceof BareHandshake ? undefined : inner;
      if (choice instanceof Error) return accept(bootstrap, handshake);
      return Arrival.take({
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
      handshake: () =>
        new ServerHandshake(greet(choice, context), this.#endpointMaker(choice, context)),
    });
    const close = async (): Promise<void> => {
      const text = `${target.href} is listened on no more`;
      pending.dropAll(new VfioUserError('VFU_PEER_CLOSED', text));
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

  #endpointMaker(
    choice: AdapterChoice | Error,
    { logger = silentLogger }: OpenContext,
  ): (() => QueuePairEnd) | undefined {
    return choice instanceof Error
      ? undefined
      : () => new QueuePairEnd(choice, this.#settings, logger);
  }

  /** A connection over the queue pair, if a message goes both ways. */
  #join(
    outcome: SetupOutcome,
    bootstrap: Connection,
    bootstrapSink: BootstrapSink,
    sink: FrameSink,
    { framing, logger = silentLogger, signal }: OpenContext,
  ): Promise<Connection | { readonly reason: string }> {
    if ('reason' in outcome) return Promise.resolve(outcome);
    const { endpoint, peer } = outcome;
    const settings = this.#settings;
    return new Promise((resolve) => {
      const trial = new QueuePairProbe({
        endpoint,
        peer,
        timeoutMs: settings.setupTimeoutMs,
        signal,
        onPassed() {
          const parts = { endpoint, peer, bootstrap, bootstrapSink, framing, settings, logger };
          const connection = rdmaConnection(parts);
          connection.open({
            handshakeTimeoutMs: settings.setupTimeoutMs,
            ready: () => sink,
            failed() {},
          });
          resolve(connection);
        },
        onFailed(reason) {
          endpoint.close();
          resolve({ reason });
        },
      });
      bootstrapSink.handTo(trial);
      trial.start();
    });
  }
}

const NOT_SET_UP: SetupOutcome = { reason: 'the bootstrap connection makes no handshake' };

function greet(choice: AdapterChoice | Error, context: OpenContext): Handshake {
  const attachment = choice instanceof Error ? undefined : ATTACHMENT;
  return context.handshake?.(attachment) ?? new BareHandshake(attachment);
}

function noRdma({ href }: RdmaTarget, reason: string): VfioUserError {
  const text = `${href}: ${reason}. Without fallback=never the session would use messages instead`;
  return new VfioUserError('VFU_UNSUPPORTED', text);
}
