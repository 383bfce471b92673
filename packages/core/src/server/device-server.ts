import type { PciDeviceDefinition } from '../device/device.js';
import { type ClientHost, HostListener } from '../host-end/host-listener.js';
import { defaultLimits, type ServerLimits } from '../host-end/limits.js';
import { LimitedLogger } from '../limited-logger.js';
import { type Logger, silentLogger } from '../logger.js';
import { endWithSignal } from '../session/open.js';
import { abortable } from '../transport/abort.js';
import type { TransportRegistry } from '../transport/registry.js';
import { DeviceInstance } from './device-instance.js';
import { ServerSession } from './server-session.js';

export interface ServeOptions<Options> {
  readonly definition: PciDeviceDefinition<Options>;
  /** Options, already parsed by `definition.options`. */
  readonly options: Options;
  readonly registry: TransportRegistry;
  /** URI to listen on, for example `unix:///run/dev.sock`. */
  readonly listen: string;
  readonly logger?: Logger;
  readonly limits?: Partial<ServerLimits>;
  /** End after the first client has left; connections that did not send VERSION do not count. */
  readonly once?: boolean;
  /**
   * Aborts the start, which rejects with its reason; afterwards closes the server like {@link
   * DeviceServer.close}.
   */
  readonly signal?: AbortSignal;
}

/** A device that serves one client at a time. */
export interface DeviceServer extends ClientHost {
  /**
   * Report a fatal device error, see {@link DeviceHost.fail}: for an `unhandledRejection` that can
   * only come from the device.
   */
  failDevice(error: unknown): void;
}

/** Create a device and serve clients, one at a time. */
export async function serve<Options>(options: ServeOptions<Options>): Promise<DeviceServer> {
  const { registry, listen, signal, once = false } = options;
  const logger = LimitedLogger.over(options.logger ?? silentLogger);
  const { transport } = registry.resolve(listen);
  const discard = (unused: DeviceInstance): Promise<void> =>
    unused.close().catch((err) => logger.error({ err }, 'a device could not be closed'));
  const device = await abortable(
    signal,
    () => DeviceInstance.create(options.definition, options.options, logger, transport),
    discard,
  );
  const limits = { ...defaultLimits, ...options.limits };
  const listener = await HostListener.start({
    registry,
    listen,
    logger,
    limits,
    maxClients: 1,
    kind: 'server',
    what: 'the device',
    once,
    signal,
    accept: (opened, events, clientLogger) =>
      new ServerSession(device, opened, { ...events, limits, logger: clientLogger }).host,
    statistics: ({ clients: [client], admittedCount, waitingCount, silentCount }) => ({
      clientsServed: admittedCount,
      clientsWaiting: waitingCount,
      silentConnections: silentCount,
      client: client?.name ?? 'none',
      dmaMappings: device.dma.mappingCount,
    }),
    onClosed: () => device.close(),
  }).catch(async (error) => {
    await discard(device);
    throw error;
  });
  await endWithSignal(listener, signal);
  return Object.assign(listener, { failDevice: (error: unknown) => device.fail(error) });
}
