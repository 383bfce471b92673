import { VfioUserError } from '../errors.js';
import { HostListener, type HostListenerOptions } from '../host-end/host-listener.js';
import { defaultLimits, type ServerLimits } from '../host-end/limits.js';
import type { ServedClients } from '../host-end/served-clients.js';
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
   * How long the device may take to answer a request, ms. After that the bridge answers in its
   * place and drops the late reply. Default 4000: QEMU waits for 5 s.
   */
  readonly answerTimeoutMs?: number;
  /**
   * How long nothing may be received from the device before the link counts as lost, ms. Default
   * 30000.
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
export interface Bridge extends AsyncDisposable {
  /** URI it listens on, with port 0 resolved. */
  readonly uri: string;
  /** Resolves when the bridge has ended. */
  readonly closed: Promise<void>;
  /** The current clients, then each new one. */
  clients(): ServedClients;
  /** Counters for monitoring. */
  statistics(): Readonly<Record<string, number | string>>;
  /** Stop listening; close all connections once what is queued is sent. */
  close(): Promise<void>;
}

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
  const settings: HostListenerOptions = {
    registry,
    listen,
    logger,
    limits,
    maxClients,
    kind: 'bridge',
    what: 'the bridge',
    accept: (opened, events, clientLogger, report) =>
      new BridgeSession(opened, { ...events, ...link, report, limits, logger: clientLogger }).host,
  };
  const listener = await HostListener.start(settings, signal);
  await endWithSignal(listener, signal);
  return new RunningBridge(listener, connect);
}

class RunningBridge implements Bridge {
  readonly closed: Promise<void>;
  readonly #listener: HostListener;
  readonly #connect: string;

  constructor(listener: HostListener, connect: string) {
    this.closed = listener.closed;
    this.#listener = listener;
    this.#connect = connect;
  }

  get uri(): string {
    return this.#listener.uri;
  }

  clients(): ServedClients {
    return this.#listener.clients.follow();
  }

  statistics(): Readonly<Record<string, number | string>> {
    const { clients, waitingCount, silentCount } = this.#listener.admission;
    return {
      clients: clients.size,
      clientsWaiting: waitingCount,
      silentConnections: silentCount,
      device: this.#connect,
      ...this.#listener.linkStatistics,
    };
  }

  close(): Promise<void> {
    return this.#listener.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
