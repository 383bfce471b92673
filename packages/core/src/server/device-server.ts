import type { PciDeviceDefinition } from '../device/device.js';
import { EBUSY } from '../errno.js';
import { RequestRefusedError, VfioUserError } from '../errors.js';
import { LimitedLogger } from '../limited-logger.js';
import { type Logger, silentLogger } from '../logger.js';
import { listenForWires, type OpenWire } from '../session/open.js';
import type { TransportRegistry } from '../transport/registry.js';
import type { Connection, FrameSink, Listener } from '../transport/transport.js';
import { DeviceInstance } from './device-instance.js';
import { defaultLimits, type ServerLimits } from './limits.js';
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
  /** End after the first client has left. */
  readonly once?: boolean;
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
    transport.createMemory?.bind(transport),
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
  return server;
}

interface Client {
  readonly connection: Connection;
  readonly session: ServerSession;
  /** Ends the wait of a client that came while another is served. */
  busyTimer?: NodeJS.Timeout;
}

/**
 * A device that listens. One client is served at a time; others wait a moment for their turn, since
 * a client that was killed and restarted may be back before its old connection is seen to end.
 */
export class DeviceServer {
  /** Resolves when the server has ended, by {@link close} or after its only client (`once`). */
  readonly closed: Promise<void>;
  readonly #device: DeviceInstance;
  readonly #logger: Logger;
  readonly #limits: ServerLimits;
  readonly #once: boolean;
  readonly #waiting: Client[] = [];
  #listener: Listener | undefined;
  #current: Client | undefined;
  #clientsServed = 0;
  /** The device is letting go of the client that left last. */
  #releasing: Promise<void> | undefined;
  #ending: Promise<void> | undefined;
  #resolveClosed: () => void = () => {};

  constructor(device: DeviceInstance, logger: Logger, limits: ServerLimits, once: boolean) {
    this.#device = device;
    this.#logger = logger;
    this.#limits = limits;
    this.#once = once;
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
    return {
      clientsServed: this.#clientsServed,
      clientsWaiting: this.#waiting.length,
      client: this.#current?.connection.peer ?? 'none',
      dmaMappings: this.#device.dma.mappingCount,
    };
  }

  /** Stop listening, end the client's connection after what is queued, release the device. */
  close(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  listening(listener: Listener): void {
    this.#listener = listener;
  }

  accept({ connection, wire }: OpenWire): FrameSink {
    const logger = this.#logger.child({ peer: connection.peer });
    const client: Client = {
      connection,
      session: new ServerSession(this.#device, {
        limits: this.#limits,
        logger,
        onEnd: (error) => this.#onClientEnd(client, error),
      }),
    };
    client.session.attach(connection, wire);
    if (this.#ending !== undefined) connection.abort(new Error('the server is ending'));
    else if (this.#current === undefined) this.#serve(client);
    else this.#wait(client);
    return client.session.sink;
  }

  #serve(client: Client): void {
    clearTimeout(client.busyTimer);
    this.#current = client;
    this.#clientsServed++;
    client.session.start();
    client.connection.resume();
  }

  #wait(client: Client): void {
    if (this.#waiting.length >= this.#limits.maxWaitingClients) {
      const text = 'too many clients wait for this device';
      client.connection.abort(new RequestRefusedError(EBUSY, text));
      return;
    }
    client.connection.pause();
    this.#waiting.push(client);
    client.busyTimer = setTimeout(() => {
      const at = this.#waiting.indexOf(client);
      if (at >= 0) this.#waiting.splice(at, 1);
      client.session.turnAway();
      client.connection.resume();
    }, this.#limits.busyTimeoutMs).unref();
  }

  #onClientEnd(client: Client, error?: Error): void {
    clearTimeout(client.busyTimer);
    const waitingAt = this.#waiting.indexOf(client);
    if (waitingAt >= 0) this.#waiting.splice(waitingAt, 1);
    if (this.#current !== client) return;
    const fields = { peer: client.connection.peer, ...(error && { reason: error.message }) };
    this.#logger[error === undefined ? 'info' : 'warn'](fields, 'client gone');
    this.#releasing = this.#device
      .clientGone()
      .catch((failure) =>
        this.#logger.error({ err: failure }, 'the device did not let go of its client'),
      )
      .finally(() => this.#next());
  }

  #next(): void {
    this.#current = undefined;
    if (this.#once) void this.close();
    if (this.#ending !== undefined) return;
    const client = this.#waiting.shift();
    if (client !== undefined) this.#serve(client);
  }

  async #end(): Promise<void> {
    await this.#listener?.close();
    for (const client of this.#waiting.splice(0)) {
      client.connection.abort(new Error('the server is ending'));
    }
    const current = this.#current;
    if (current !== undefined) await current.connection.close();
    await this.#releasing;
    await this.#device.close();
    this.#resolveClosed();
  }
}
