import { VfioUserError } from '../errors.js';
import { Admission } from '../host-end/admission.js';
import type { HostEnd } from '../host-end/host-end.js';
import { defaultLimits, type ServerLimits } from '../host-end/limits.js';
import { LimitedLogger } from '../limited-logger.js';
import { type Logger, silentLogger } from '../logger.js';
import { endWithSignal, listenForWires, noInterrupts, type OpenWire } from '../session/open.js';
import type { TransportRegistry } from '../transport/registry.js';
import type { FrameSink, Listener } from '../transport/transport.js';
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

/**
 * Join clients that speak one transport to a device on another.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` for addresses that cannot be joined.
 */
export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  const { registry, listen, connect, signal } = options;
  const logger = LimitedLogger.over(options.logger ?? silentLogger);
  const limits = { ...defaultLimits, ...options.limits };
  const { answerTimeoutMs = ANSWER_TIMEOUT_MS, linkTimeoutMs = LINK_TIMEOUT_MS } = options;
  // A wrong address is better said now than to the first client.
  const reason = noInterrupts(registry, connect);
  if (reason !== undefined) throw new VfioUserError('VFU_CONFIG_INVALID', `${connect}: ${reason}`);
  const maxClients = options.maxClients ?? MAX_CLIENTS;
  const timeouts = { answerTimeoutMs, linkTimeoutMs };
  const bridge = new Bridge({ registry, connect, logger, limits, ...timeouts, maxClients });
  const { maxDataXferSize, silenceMs } = limits;
  const listener = await listenForWires(registry, listen, (opened) => bridge.accept(opened), {
    maxDataXferSize,
    silenceMs,
    logger,
    signal,
  });
  bridge.listening(listener);
  void bridge.closed.then(() => logger.flush());
  await endWithSignal(bridge, signal);
  return bridge;
}

interface BridgeSettings {
  readonly registry: TransportRegistry;
  readonly connect: string;
  readonly logger: Logger;
  readonly limits: ServerLimits;
  readonly answerTimeoutMs: number;
  readonly linkTimeoutMs: number;
  readonly maxClients: number;
}

/** Listens for clients; each gets a connection of its own to the device. */
export class Bridge {
  /** Resolves when the bridge has ended. */
  readonly closed: Promise<void>;
  readonly #settings: BridgeSettings;
  readonly #admission: Admission<HostEnd>;
  #listener: Listener | undefined;
  #ending: Promise<void> | undefined;
  #resolveClosed: () => void = () => {};

  constructor(settings: BridgeSettings) {
    this.#settings = settings;
    const { limits, maxClients } = settings;
    this.#admission = new Admission({ limits, maxClients, what: 'the bridge' });
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  /** Where it really listens: port 0 is already resolved. */
  get uri(): string {
    if (this.#listener === undefined) {
      throw new VfioUserError('VFU_CONFIG_INVALID', 'the bridge does not listen yet');
    }
    return this.#listener.uri;
  }

  /** For operators: what the bridge is doing. */
  statistics(): Readonly<Record<string, number | string>> {
    const { clients, waitingCount, silentCount } = this.#admission;
    return {
      clients: clients.size,
      clientsWaiting: waitingCount,
      silentConnections: silentCount,
      device: this.#settings.connect,
    };
  }

  listening(listener: Listener): void {
    this.#listener = listener;
    void listener.ended?.then(() => this.close());
  }

  accept(opened: OpenWire): FrameSink {
    const { limits, logger } = this.#settings;
    const { host }: BridgeSession = new BridgeSession(opened, {
      ...this.#settings,
      logger: logger.child({ peer: opened.connection.peer }),
      maxDataXferSize: limits.maxDataXferSize,
      onVersion: () => this.#admission.apply(host),
      onEnd: (error) => this.#onEnd(host, error),
    });
    this.#admission.arrived(host);
    return host.peer;
  }

  /** Stop listening, end the clients' connections after what is queued, and those to the device. */
  close(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  #onEnd(host: HostEnd, error?: Error): void {
    const { logger } = this.#settings;
    const fields = { peer: host.name, ...(error && { reason: error.message }) };
    if (this.#admission.clients.has(host)) logger.info(fields, 'client gone');
    else logger.debug(fields, 'a connection ended that was no client');
    this.#admission.left(host);
    this.#admission.released(host);
  }

  async #end(): Promise<void> {
    const reason = new VfioUserError('VFU_PEER_CLOSED', 'the bridge is ending');
    const emptied = this.#admission.close(reason);
    await this.#listener?.close();
    await emptied;
    this.#resolveClosed();
  }
}
