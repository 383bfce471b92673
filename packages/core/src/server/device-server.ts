import type { PciDeviceDefinition } from '../device/device.js';
import { VfioUserError } from '../errors.js';
import { Admission } from '../host-end/admission.js';
import type { HostEnd } from '../host-end/host-end.js';
import { defaultLimits, type ServerLimits } from '../host-end/limits.js';
import { LimitedLogger } from '../limited-logger.js';
import { type Logger, silentLogger } from '../logger.js';
import { endWithSignal, listenForWires, type OpenWire } from '../session/open.js';
import type { TransportRegistry } from '../transport/registry.js';
import type { FrameSink, Listener } from '../transport/transport.js';
import { DeviceInstance } from './device-instance.js';
import { ServerSession } from './server-session.js';

export interface ServeOptions<Options> {
  readonly definition: PciDeviceDefinition<Options>;
  /** Already parsed by `definition.options`. */
  readonly options: Options;
  readonly registry: TransportRegistry;
  /** Where to listen, for example `unix:///run/dev.sock`. */
  readonly listen: string;
  readonly logger?: Logger;
  readonly limits?: Partial<ServerLimits>;
  /** End after the first client has left; a connection without VERSION is none. */
  readonly once?: boolean;
  /** Ends the start, which rejects with its reason, and then the server, as {@link DeviceServer.close} does. */
  readonly signal?: AbortSignal;
}

/** Create a device and let clients plug it in, one at a time. */
export async function serve<Options>(options: ServeOptions<Options>): Promise<DeviceServer> {
  const logger = LimitedLogger.over(options.logger ?? silentLogger);
  const { transport } = options.registry.resolve(options.listen);
  const device = await DeviceInstance.create(
    options.definition,
    options.options,
    logger,
    transport,
  );
  const limits = { ...defaultLimits, ...options.limits };
  const server = new DeviceServer(device, logger, limits, options.once ?? false);
  try {
    const listener = await listenForWires(
      options.registry,
      options.listen,
      (opened) => server.accept(opened),
      {
        maxDataXferSize: limits.maxDataXferSize,
        silenceMs: limits.silenceMs,
        logger,
        signal: options.signal,
      },
    );
    server.listening(listener);
    void server.closed.then(() => logger.flush());
  } catch (error) {
    await device.close();
    throw error;
  }
  await endWithSignal(server, options.signal);
  return server;
}

/**
 * A device that listens. One client is served at a time; {@link Admission} says who.
 */
export class DeviceServer {
  /** Resolves when the server has ended: by {@link close}, its signal, or after its only client. */
  readonly closed: Promise<void>;
  readonly #device: DeviceInstance;
  readonly #logger: Logger;
  readonly #limits: ServerLimits;
  readonly #once: boolean;
  readonly #admission: Admission<HostEnd>;
  #listener: Listener | undefined;
  #ending: Promise<void> | undefined;
  #resolveClosed: () => void = () => {};

  constructor(device: DeviceInstance, logger: Logger, limits: ServerLimits, once: boolean) {
    this.#device = device;
    this.#logger = logger;
    this.#limits = limits;
    this.#once = once;
    this.#admission = new Admission({ limits, maxClients: 1, what: 'the device' });
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  /** Where it really listens: port 0 is already resolved. */
  get uri(): string {
    if (this.#listener === undefined) {
      throw new VfioUserError('VFU_CONFIG_INVALID', 'the server does not listen yet');
    }
    return this.#listener.uri;
  }

  /** For operators: what the server is doing. */
  statistics(): Readonly<Record<string, number | string>> {
    const { clients, admittedCount, waitingCount, silentCount } = this.#admission;
    const [client] = clients;
    return {
      clientsServed: admittedCount,
      clientsWaiting: waitingCount,
      silentConnections: silentCount,
      client: client?.name ?? 'none',
      dmaMappings: this.#device.dma.mappingCount,
    };
  }

  /**
   * Put the device into its error state, see {@link DeviceHost.fail}: for a program whose
   * `unhandledRejection` can only be the device's.
   */
  failDevice(error: unknown): void {
    this.#device.fail(error);
  }

  /** Stop listening, end the client's connection after what is queued, release the device. */
  close(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  listening(listener: Listener): void {
    this.#listener = listener;
    void listener.ended?.then(() => this.close());
  }

  accept(opened: OpenWire): FrameSink {
    const { host }: ServerSession = new ServerSession(this.#device, opened, {
      limits: this.#limits,
      logger: this.#logger.child({ peer: opened.connection.peer }),
      onVersion: () => this.#admission.apply(host),
      onEnd: (error) => this.#onEnd(host, error),
    });
    this.#admission.arrived(host);
    return host.peer;
  }

  #onEnd(host: HostEnd, error?: Error): void {
    this.#admission.left(host);
    const fields = { peer: host.name, ...(error && { reason: error.message }) };
    if (!this.#admission.clients.has(host)) {
      this.#logger.debug(fields, 'a connection ended that was no client');
      return;
    }
    this.#logger[error === undefined ? 'info' : 'warn'](fields, 'client gone');
    void this.#device
      .clientGone()
      .catch((failure) =>
        this.#logger.error({ err: failure }, 'the device did not let go of its client'),
      )
      .finally(() => {
        if (this.#once) void this.close();
        this.#admission.released(host);
      });
  }

  async #end(): Promise<void> {
    const reason = new VfioUserError('VFU_PEER_CLOSED', 'the server is ending');
    const emptied = this.#admission.close(reason);
    await this.#listener?.close();
    await emptied;
    await this.#device.close();
    this.#resolveClosed();
  }
}
