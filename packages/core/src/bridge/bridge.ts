import { VfioUserError } from '../errors.js';
import { LimitedLogger } from '../limited-logger.js';
import { type Logger, silentLogger } from '../logger.js';
import { defaultLimits, type ServerLimits } from '../server/limits.js';
import { listenForWires, type OpenWire } from '../session/open.js';
import type { TransportRegistry } from '../transport/registry.js';
import type { Connection, FrameSink, Listener } from '../transport/transport.js';
import { BridgeSession } from './bridge-session.js';

/**
 * QEMU waits 5 s for a reply. A device that is silent for this long is given up for the moment, so
 * that the bridge can answer in time; the check runs every quarter of it.
 */
const REPLY_TIMEOUT_MS = 3_200;

export interface BridgeOptions {
  readonly registry: TransportRegistry;
  /** Where clients come to, for example `unix:///run/dev.sock`. */
  readonly listen: string;
  /** Where the device is, for example `tcp://device-host:7000`. */
  readonly connect: string;
  readonly logger?: Logger;
  readonly limits?: Partial<ServerLimits>;
  /** How long the device may leave a request unanswered before the link counts as lost, ms. */
  readonly replyTimeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Join clients that speak one transport to a device on another. */
export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  const { registry, listen, connect, signal } = options;
  const logger = LimitedLogger.over(options.logger ?? silentLogger);
  const limits = { ...defaultLimits, ...options.limits };
  const replyTimeoutMs = options.replyTimeoutMs ?? REPLY_TIMEOUT_MS;
  // A wrong address is better said now than to the first client.
  registry.resolve(connect);
  const bridge = new Bridge({ registry, connect, logger, limits, replyTimeoutMs });
  const { maxDataXferSize, silenceMs } = limits;
  const listener = await listenForWires(registry, listen, (opened) => bridge.accept(opened), {
    maxDataXferSize,
    silenceMs,
    logger,
    signal,
  });
  bridge.listening(listener);
  void bridge.closed.then(() => logger.flush());
  return bridge;
}

interface Client {
  readonly connection: Connection;
  /** Its link to the device is closed, too. */
  readonly ended: Promise<void>;
}

interface BridgeSettings {
  readonly registry: TransportRegistry;
  readonly connect: string;
  readonly logger: Logger;
  readonly limits: ServerLimits;
  readonly replyTimeoutMs: number;
}

/** Listens for clients; each gets a connection of its own to the device. */
export class Bridge {
  /** Resolves when the bridge has ended. */
  readonly closed: Promise<void>;
  readonly #settings: BridgeSettings;
  readonly #clients = new Map<BridgeSession, Client>();
  #listener: Listener | undefined;
  #ending: Promise<void> | undefined;
  #resolveClosed: () => void = () => {};

  constructor(settings: BridgeSettings) {
    this.#settings = settings;
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
    return { clients: this.#clients.size, device: this.#settings.connect };
  }

  listening(listener: Listener): void {
    this.#listener = listener;
  }

  accept(opened: OpenWire): FrameSink {
    const { limits, logger, replyTimeoutMs } = this.#settings;
    const { connection } = opened;
    const { peer } = connection;
    let resolveEnded: () => void = () => {};
    const ended = new Promise<void>((resolve) => {
      resolveEnded = resolve;
    });
    const session = new BridgeSession({
      ...this.#settings,
      logger: logger.child({ peer }),
      maxDataXferSize: limits.maxDataXferSize,
      silenceMs: limits.silenceMs,
      connectTimeoutMs: replyTimeoutMs,
      onEnd: (error) => {
        this.#clients.delete(session);
        logger.info({ peer, ...(error && { reason: error.message }) }, 'client gone');
        resolveEnded();
      },
    });
    this.#clients.set(session, { connection, ended });
    if (this.#ending !== undefined) connection.abort(new Error('the bridge is ending'));
    return session.accept(opened);
  }

  /** Stop listening, end the clients' connections after what is queued, and those to the device. */
  close(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    await this.#listener?.close();
    const ends = [...this.#clients.values()].map(async ({ connection, ended }) => {
      await connection.close();
      await ended;
    });
    await Promise.all(ends);
    this.#resolveClosed();
  }
}
