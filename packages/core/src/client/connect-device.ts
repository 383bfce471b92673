import { openDevice } from '../device-end/open-device.js';
import { LimitedLogger } from '../limited-logger.js';
import { type Logger, silentLogger } from '../logger.js';
import type { Capabilities } from '../protocol/capabilities.js';
import { OWN_CAPABILITIES } from '../protocol/capabilities.js';
import { Command } from '../protocol/constants.js';
import { call } from '../session/call.js';
import type { NegotiatedConnection } from '../session/negotiated-encoding.js';
import { openSession } from '../session/open.js';
import type { TransportRegistry } from '../transport/registry.js';
import { ClientSession } from './client-session.js';
import { ConnectedClient } from './connected-client.js';
import type { DeviceClient } from './device-client.js';

/** How long a request may stay unanswered unless the caller says otherwise, ms. */
const DEFAULT_TIMEOUT_MS = 10_000;
const INFO_BYTES = 16;
/** How long a server that can be asked for signs of life may be silent, ms. */
const DEFAULT_SILENCE_MS = 30_000;

export interface ConnectOptions {
  readonly registry: TransportRegistry;
  readonly logger?: Logger;
  /** How long a request may stay unanswered before it fails, ms; 0: for ever. If nothing at all
   * moves meanwhile, the connection is given up. */
  readonly timeoutMs?: number;
  /** How long the server may be silent, where it can be asked for signs of life, ms; 0: for ever. */
  readonly silenceMs?: number;
  /** Ends the attempt, which rejects with its reason. It does nothing to a client that is connected. */
  readonly signal?: AbortSignal;
  /** What to tell the server of this client instead of the defaults. */
  readonly capabilities?: Partial<Capabilities>;
}

/** Connect to a device, negotiate, and ask what it is. */
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
    call(peer, Command.DEVICE_GET_INFO, { argsz: INFO_BYTES }, (body) => body),
  );
  return new ConnectedClient(session, { version, server, info });
}
