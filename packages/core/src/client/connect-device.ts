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
  /**
   * Whether the session goes on when its connection is lost and made again, where the server offers
   * that: see {@link DeviceClient.holdMs}. For a short look at a device, `false`: the session ends
   * with its connection, leaves nothing held behind, and takes no held session's place. Default:
   * true.
   */
  readonly resumes?: boolean;
  /** Aborts the attempt, which rejects with its reason. Has no effect once connected. */
  readonly signal?: AbortSignal;
  /** Capabilities to announce instead of the defaults. */
  readonly capabilities?: Partial<Capabilities>;
}

/** Connect to a device, negotiate VERSION, and query DEVICE_GET_INFO. */
export async function connectDevice(text: string, options: ConnectOptions): Promise<DeviceClient> {
  const { registry, signal, resumes, capabilities } = options;
  const logger = LimitedLogger.over(options.logger ?? silentLogger);
  const { timeoutMs = DEFAULT_TIMEOUT_MS, silenceMs = DEFAULT_SILENCE_MS } = options;
  const own = { ...OWN_CAPABILITIES, ...capabilities };
  const { maxDataXferSize } = own;
  const accept = (opened: NegotiatedConnection): ClientSession =>
    new ClientSession(opened, { uri: text, logger, timeoutMs, maxDataXferSize });
  const common = { registry, silenceMs, resumes, logger, signal };
  const reached = await openDevice(text, accept, { ...common, own });
  const { side: session, version, capabilities: server } = reached;
  const { peer } = session;
  const info = await openSession(peer.connection, signal, () =>
    call(peer, Command.DEVICE_GET_INFO, { argsz: DEVICE_INFO_BYTES }, (body) => body),
  );
  return new DeviceClient(session, { version, server, info });
}
