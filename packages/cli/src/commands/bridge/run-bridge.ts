import { type Logger, startBridge } from '@vfio-user/core';
import { durationOption, durationOrOff } from '../../duration.js';
import type { Io } from '../../io.js';
import { Observation, type ObserveOptions } from '../../observe/observation.js';
import { loadTransports } from '../../registry.js';
import { runServer } from '../../run-server.js';
import { type SocketPermissions, socketPermissions } from '../../server-options.js';

export interface BridgeCommandOptions extends ObserveOptions, SocketPermissions {
  readonly listen: string;
  readonly connect: string;
  readonly answerTimeout: string;
  readonly linkTimeout: string;
  readonly hold: string;
}

/** Run a bridge until a signal. */
export async function runBridge(
  { listen, connect, ...options }: BridgeCommandOptions,
  context: { readonly io: Io; readonly logger: Logger },
): Promise<void> {
  const times = {
    answerTimeoutMs: durationOption('--answer-timeout', options.answerTimeout),
    linkTimeoutMs: durationOption('--link-timeout', options.linkTimeout),
    limits: { holdMs: durationOrOff('--hold', options.hold) },
  };
  const choices = { insecure: options.insecure, ...socketPermissions(listen, options) };
  const registry = await loadTransports([listen, connect], choices);
  const { logger } = context;
  const observation = await Observation.start(options, logger);
  try {
    const start = (signal: AbortSignal) =>
      startBridge({ registry, listen, connect, ...times, logger, signal });
    await runServer(start, { ...context, registry, observation });
  } finally {
    await observation.close();
  }
}
