import { openDevice } from '../device-end/open-device.js';
import { LimitedLogger } from '../limited-logger.js';
import { type Logger, silentLogger } from '../logger.js';
import { type Capabilities, OWN_CAPABILITIES } from '../protocol/capabilities.js';
import { Command } from '../protocol/enums.js';
import { DEVICE_INFO_BYTES } from '../protocol/struct-sizes.js';
import { call } from '../session/call.js';
import type { NegotiatedConnection } from '../session/negotiated-encoding.js';
import { openSession } from '../session/open.js';
import type { TransportRegistry } from '../transport/registry.js';
import { ClientSession } from './client-session.js';
import { DeviceClient } from './device-client.js';

/** Default timeout of a request, ms. */
const DEFAULT_TIMEOUT_MS = 10_000;
/** Default of `silenceMs`, ms. */
const DEFAULT_SILENCE_MS = 30_000;

export interface ConnectOptions {
  readonly registry: TransportRegistry;
  readonly logger?: Logger;
  /**
   * Timeout of a request, ms; 0: none. If nothing at all is received meanwhile, the connection
   * ends.
   */
  readonly timeoutMs?: number;
  /** How long nothing may be received from a server that supports KEEP_ALIVE, ms; 0: for ever. */
  readonly silenceMs?: number;
  /** Aborts the attempt, which rejects with its reason. Has no effect once connected. */
  readonly signal?: AbortSignal;
  /** Capabilities to announce instead of the defaults. */
  readonly capabilities?: Partial<Capabilities>;
}

/** Connect to a device, negotiate VERSION, and query DEVICE_GET_INFO. */
export async function connectDevice(text: string, options: ConnectOptions): Promise<DeviceClient> {
  const { registry, signal, capabilities } = options;
  const logger = LimitedLogger.over(options.logger ?? silentLogger);
  const { timeoutMs = DEFAULT_TIMEOUT_MS, silenceMs = DEFAULT_SILENCE_MS } = options;
  const own = { ...OWN_CAPABILITIES, ...capabilities };
  const { maxDataXferSize } = own;
  const accept = (opened: NegotiatedConnection): ClientSession =>
    new ClientSession(opened, { uri: text, logger, timeoutMs, maxDataXferSize });
  const reached = await openDevice(text, accept, { registry, own, silenceMs, logger, signal });
  const { side: session, version, capabilities: server } = reached;
  const { peer } = session;
  const info = await openSession(peer.connection, signal, () =>
    call(peer, Command.DEVICE_GET_INFO, { argsz: DEVICE_INFO_BYTES }, (body) => body),
  );
  return new DeviceClient(session, { version, server, info });
}
