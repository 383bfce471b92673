import { VfioUserError } from '../errors.js';
import { type ClientHost, HostListener } from '../host-end/host-listener.js';
import { defaultLimits, type ServerLimits } from '../host-end/limits.js';
import { LimitedLogger } from '../limited-logger.js';
import { type Logger, silentLogger } from '../logger.js';
import { endWithSignal, noInterrupts } from '../session/open.js';
import type { TransportRegistry } from '../transport/registry.js';
import { BridgeSession } from './bridge-session.js';

/** QEMU waits 5 s for a reply (`x-msg-timeout`), and gives its device up then. */
const ANSWER_TIMEOUT_MS = 4_000;
/** The same as a server's default for a silent client. */
const LINK_TIMEOUT_MS = 30_000;
const MAX_CLIENTS = 32;

export interface BridgeOptions {
  readonly registry: TransportRegistry;
  /** URI for clients to connect to, for example `unix:///run/dev.sock`. */
  readonly listen: string;
  /** URI of the device, for example `tcp://device-host:7000`. */
  readonly connect: string;
  readonly logger?: Logger;
  readonly limits?: Partial<ServerLimits>;
  /**
   * How long the device may take to answer a request, ms; more than 0. After that the bridge
   * answers in its place and drops the late reply. Less than clients wait: default 4000, as QEMU
   * waits for 5 s (`x-msg-timeout`).
   */
  readonly answerTimeoutMs?: number;
  /**
   * How long nothing may be received from the device before the link counts as lost, ms. Where the
   * session can go on over another link it is 4000 at most. Default 30000.
   */
  readonly linkTimeoutMs?: number;
  /** Clients at a time, each with a connection of its own to the device. Default 32. */
  readonly maxClients?: number;
  /**
   * Aborts the start, which rejects with its reason; afterwards closes the bridge like {@link
   * Bridge.close}.
   */
  readonly signal?: AbortSignal;
}

/** Forwards clients to a remote device, each over its own connection. */
export type Bridge = ClientHost;

/**
 * Forward clients of one URI to the device at another, over any two transports.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` for URIs that cannot be combined.
 */
export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  const { registry, listen, connect, signal, maxClients = MAX_CLIENTS } = options;
  const { answerTimeoutMs = ANSWER_TIMEOUT_MS, linkTimeoutMs = LINK_TIMEOUT_MS } = options;
  const logger = LimitedLogger.over(options.logger ?? silentLogger);
  const limits = { ...defaultLimits, ...options.limits };
  // Report a wrong URI now rather than to the first client.
  const reason = noInterrupts(registry, connect);
  if (reason !== undefined) throw new VfioUserError('VFU_CONFIG_INVALID', `${connect}: ${reason}`);
  const { maxDataXferSize } = limits;
  const link = { registry, connect, maxDataXferSize, answerTimeoutMs, linkTimeoutMs };
  const listener = await HostListener.start({
    registry,
    listen,
    logger,
    limits,
    maxClients,
    signal,
    kind: 'bridge',
    what: 'the bridge',
    accept: (opened, events, clientLogger, report) =>
      new BridgeSession(opened, { ...events, ...link, report, limits, logger: clientLogger }).host,
    statistics: ({ clients, waitingCount, silentCount }) => ({
      clients: clients.size,
      clientsWaiting: waitingCount,
      silentConnections: silentCount,
      device: connect,
    }),
  });
  await endWithSignal(listener, signal);
  return listener;
}
