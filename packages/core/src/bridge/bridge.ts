import { VfioUserError } from '../errors.js';
import { HostListener } from '../host-end/host-listener.js';
import { defaultLimits, type ServerLimits } from '../host-end/limits.js';
import type { ServedClients } from '../host-end/served-clients.js';
import { LimitedLogger } from '../limited-logger.js';
import { type Logger, silentLogger } from '../logger.js';
import { endWithSignal, noInterrupts } from '../session/open.js';
import type { TransportRegistry } from '../transport/registry.js';
import { BridgeSession } from './bridge-session.js';

/** QEMU waits 5 s for a reply (`x-msg-timeout`), and gives its device up then. */
const ANSWER_TIMEOUT_MS = 4_000;
/** As long as a server waits for a client that has gone silent, and a kernel for its peer. */
const LINK_TIMEOUT_MS = 30_000;
const MAX_CLIENTS = 32;

export interface BridgeOptions {
  readonly registry: TransportRegistry;
  /** Where clients come to, for example `unix:///run/dev.sock`. */
  readonly listen: string;
  /** Where the device is, for example `tcp://device-host:7000`. */
  readonly connect: string;
  readonly logger?: Logger;
  readonly limits?: Partial<ServerLimits>;
  /**
   * How long the device has for an answer, ms. Then the client is answered in its place, and what
   * the device answers later is thrown away. Default 4000: QEMU waits for 5 s.
   */
  readonly answerTimeoutMs?: number;
  /**
   * How long the device may be silent before the link counts as lost, ms: nothing at all moves, no
   * sign of life is answered. Default 30000.
   */
  readonly linkTimeoutMs?: number;
  /** Clients at a time, each with a connection of its own to the device. Default 32. */
  readonly maxClients?: number;
  /** Ends the start, which rejects with its reason, and then the bridge, as {@link Bridge.close} does. */
  readonly signal?: AbortSignal;
}

/** Joins clients to a device elsewhere; each gets a connection of its own to it. */
export interface Bridge extends AsyncDisposable {
  /** Where it really listens: port 0 is already resolved. */
  readonly uri: string;
  /** Resolves when the bridge has ended. */
  readonly closed: Promise<void>;
  /** The clients that are served now, and then each that comes. */
  clients(): ServedClients;
  /** For operators: what the bridge is doing. */
  statistics(): Readonly<Record<string, number | string>>;
  /** Stop listening, end the clients' connections after what is queued, and those to the device. */
  close(): Promise<void>;
}

/**
 * Join clients that speak one transport to a device on another.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` for addresses that cannot be joined.
 */
export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  const { registry, listen, connect, signal, maxClients = MAX_CLIENTS } = options;
  const { answerTimeoutMs = ANSWER_TIMEOUT_MS, linkTimeoutMs = LINK_TIMEOUT_MS } = options;
  const logger = LimitedLogger.over(options.logger ?? silentLogger);
  const limits = { ...defaultLimits, ...options.limits };
  // A wrong address is better said now than to the first client.
  const reason = noInterrupts(registry, connect);
  if (reason !== undefined) throw new VfioUserError('VFU_CONFIG_INVALID', `${connect}: ${reason}`);
  const { maxDataXferSize } = limits;
  const link = { registry, connect, maxDataXferSize, answerTimeoutMs, linkTimeoutMs };
  const listener = new HostListener({
    registry,
    listen,
    logger,
    limits,
    maxClients,
    kind: 'bridge',
    what: 'the bridge',
    accept: (opened, events, clientLogger) =>
      new BridgeSession(opened, { ...events, ...link, limits, logger: clientLogger }).host,
  });
  await listener.start(signal);
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
    };
  }

  close(): Promise<void> {
    return this.#listener.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
