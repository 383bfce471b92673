import { type Logger, silentLogger } from '../logger.js';
import type { Capabilities } from '../protocol/capabilities.js';
import { OWN_CAPABILITIES } from '../protocol/capabilities.js';
import { nativeEncodingFor } from '../protocol/native/native-encoding-for.js';
import type { TransportRegistry } from '../transport/registry.js';
import { DeviceClient } from './device-client.js';

/** How long a request may stay unanswered unless the caller says otherwise, ms. */
const DEFAULT_TIMEOUT_MS = 10_000;

export interface ConnectOptions {
  readonly registry: TransportRegistry;
  readonly logger?: Logger;
  /** How long a request may stay unanswered before the connection is given up, ms; 0: for ever. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** What to tell the server of this client instead of the defaults. */
  readonly capabilities?: Partial<Capabilities>;
}

/** Connect to a device, negotiate, and ask what it is. */
export async function connectDevice(text: string, options: ConnectOptions): Promise<DeviceClient> {
  const { registry, logger = silentLogger, signal, capabilities } = options;
  const { transport, uri } = registry.resolve(text);
  const own = { ...OWN_CAPABILITIES, ...capabilities };
  const encoding = nativeEncodingFor(own.maxDataXferSize);
  const client = new DeviceClient({
    encoding,
    logger,
    timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    ...(capabilities && { capabilities }),
  });
  const context = { framing: encoding.framing, logger, ...(signal && { signal }) };
  const connection = await transport.connect(uri, client.sink, context);
  try {
    await client.start(connection);
  } catch (error) {
    connection.abort(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
  return client;
}
