import { type Logger, startBridge } from '@vfio-user/core';
import { parseDuration } from '../../duration.js';
import type { Io } from '../../io.js';
import { Observation, type ObserveOptions } from '../../observe/observation.js';
import { loadTransports, type TransportChoices } from '../../registry.js';
import { runServer } from '../../run-server.js';

export interface BridgeCommandOptions extends TransportChoices, ObserveOptions {
  readonly listen: string;
  readonly connect: string;
  readonly linkTimeout: string;
}

/** Run a bridge until a signal. */
export async function runBridge(
  { listen, connect, linkTimeout, ...choices }: BridgeCommandOptions,
  context: { readonly io: Io; readonly logger: Logger },
): Promise<void> {
  const linkTimeoutMs = parseDuration('--link-timeout', linkTimeout);
  const registry = await loadTransports([listen, connect], choices);
  const { logger } = context;
  const observation = await Observation.start(choices, logger);
  try {
    const start = () => startBridge({ registry, listen, connect, linkTimeoutMs, logger });
    await runServer(start, { ...context, registry, observation });
  } finally {
    await observation.close();
  }
}
