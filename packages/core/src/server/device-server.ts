import type { PciDeviceDefinition } from '../device/device.js';
import { HostListener, type HostListenerOptions } from '../host-end/host-listener.js';
import { defaultLimits, type ServerLimits } from '../host-end/limits.js';
import type { ServedClients } from '../host-end/served-clients.js';
import { LimitedLogger } from '../limited-logger.js';
import { type Logger, silentLogger } from '../logger.js';
import { endWithSignal } from '../session/open.js';
import type { TransportRegistry } from '../transport/registry.js';
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

/** A device that listens, for one client at a time. */
export interface DeviceServer extends AsyncDisposable {
  /** Where it really listens: port 0 is already resolved. */
  readonly uri: string;
  /** Resolves when the server has ended: by {@link close}, its signal, or after its only client. */
  readonly closed: Promise<void>;
  /** The client that is served now, and then each that comes. */
  clients(): ServedClients;
  /** For operators: what the server is doing. */
  statistics(): Readonly<Record<string, number | string>>;
  /**
   * Put the device into its error state, see {@link DeviceHost.fail}: for a program whose
   * `unhandledRejection` can only be the device's.
   */
  failDevice(error: unknown): void;
  /** Stop listening, end the client's connection after what is queued, release the device. */
  close(): Promise<void>;
}

/** Create a device and let clients plug it in, one at a time. */
export async function serve<Options>(options: ServeOptions<Options>): Promise<DeviceServer> {
  const { registry, listen, signal, once = false } = options;
  const logger = LimitedLogger.over(options.logger ?? silentLogger);
  const { transport } = registry.resolve(listen);
  const device = await DeviceInstance.create(
    options.definition,
    options.options,
    logger,
    transport,
  );
  const limits = { ...defaultLimits, ...options.limits };
  const settings: HostListenerOptions = {
    registry,
    listen,
    logger,
    limits,
    maxClients: 1,
    kind: 'server',
    what: 'the device',
    once,
    accept: (opened, events, clientLogger) =>
      new ServerSession(device, opened, { ...events, limits, logger: clientLogger }).host,
    onClosed: () => device.close(),
  };
  const listener = await HostListener.start(settings, signal).catch(async (error) => {
    await device.close();
    throw error;
  });
  await endWithSignal(listener, signal);
  return new RunningServer(listener, device);
}

class RunningServer implements DeviceServer {
  readonly closed: Promise<void>;
  readonly #listener: HostListener;
  readonly #device: DeviceInstance;

  constructor(listener: HostListener, device: DeviceInstance) {
    this.closed = listener.closed;
    this.#listener = listener;
    this.#device = device;
  }

  get uri(): string {
    return this.#listener.uri;
  }

  clients(): ServedClients {
    return this.#listener.clients.follow();
  }

  statistics(): Readonly<Record<string, number | string>> {
    const { clients, admittedCount, waitingCount, silentCount } = this.#listener.admission;
    const [client] = clients;
    return {
      clientsServed: admittedCount,
      clientsWaiting: waitingCount,
      silentConnections: silentCount,
      client: client?.name ?? 'none',
      dmaMappings: this.#device.dma.mappingCount,
    };
  }

  failDevice(error: unknown): void {
    this.#device.fail(error);
  }

  close(): Promise<void> {
    return this.#listener.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
