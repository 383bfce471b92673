import { type DeviceServer, type Logger, type PciDeviceDefinition, serve } from '@vfio-user/core';
import { builtinDevices } from '@vfio-user/devices';
import { durationOrOff } from '../../duration.js';
import { UsageError } from '../../errors.js';
import type { Io } from '../../io.js';
import { Observation, type ObserveOptions } from '../../observe/observation.js';
import { loadTransports } from '../../registry.js';
import { runServer } from '../../run-server.js';
import { type SocketPermissions, socketPermissions } from '../../server-options.js';
import { isDeviceFile, loadDeviceFile } from './device-file.js';
import { backendCapabilities } from './device-help.js';
import { type ListenOptions, listenUri } from './listen-uri.js';
import { deviceOptions, parseSettings } from './settings.js';

/** The options of `serve`, without those for logging. */
export interface ServeOptions extends ListenOptions, ObserveOptions, SocketPermissions {
  readonly set: readonly string[];
  readonly hold: string;
  readonly insecure?: true | undefined;
  readonly once?: true | undefined;
  readonly printCapabilities?: true | undefined;
}

/** Print the answer to `--print-capabilities`, for all devices or for the one in a file. */
export async function printCapabilities(name: string | undefined, io: Io): Promise<void> {
  const isFile = name !== undefined && isDeviceFile(name);
  const devices = isFile ? [await loadDeviceFile(name)] : builtinDevices.values();
  io.stdout(`${JSON.stringify(backendCapabilities(devices), undefined, 2)}\n`);
}

/** Run a device until a signal or, with `--once`, the end of its first client. */
export async function serveDevice(
  name: string | undefined,
  options: ServeOptions,
  context: { readonly io: Io; readonly logger: Logger },
): Promise<void> {
  const { io, logger } = context;
  const definition = await findDevice(name);
  const listen = listenUri(options, io);
  const settings = deviceOptions(name ?? definition.name, definition, parseSettings(options.set));
  const limits = { holdMs: durationOrOff('--hold', options.hold) };
  const { insecure } = options;
  const choices = { insecure, ...socketPermissions(listen, options) };
  const registry = await loadTransports([listen], choices);
  let server: DeviceServer | undefined;
  // Work that a device started and nobody waits for has failed: that ends the device, not the server.
  const onRejection = (error: unknown): void => {
    if (server === undefined) throw error;
    server.failDevice(error);
  };
  const start = async (signal: AbortSignal) => {
    const once = options.once === true;
    const common = { registry, listen, limits, logger, once, signal };
    server = await serve({ definition, options: settings, ...common });
    return server;
  };
  const observation = await Observation.start(options, logger);
  process.on('unhandledRejection', onRejection);
  try {
    await runServer(start, { ...context, registry, observation });
  } finally {
    process.off('unhandledRejection', onRejection);
    await observation.close();
  }
}

async function findDevice(name: string | undefined): Promise<PciDeviceDefinition<unknown>> {
  const known = [...builtinDevices.keys()].join(', ');
  if (name === undefined) {
    throw new UsageError(`which device? Give one of: ${known}; or a file, for example ./device.js`);
  }
  if (isDeviceFile(name)) return loadDeviceFile(name);
  const definition = builtinDevices.get(name);
  if (definition === undefined) throw new UsageError(`no device ${name}; there are: ${known}`);
  return definition;
}
