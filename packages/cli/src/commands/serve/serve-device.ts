import { type Logger, type PciDeviceDefinition, serve } from '@vfio-user/core';
import { builtinDevices } from '@vfio-user/devices';
import { UsageError } from '../../errors.js';
import type { Io } from '../../io.js';
import { loadTransports } from '../../registry.js';
import type { ServeOptions } from './command.js';
import { isConnectedSocket } from './connected-socket.js';
import { listenUri } from './listen-uri.js';
import { backendCapabilities } from './print-capabilities.js';
import { deviceOptions, parseSettings } from './settings.js';
import { watchTermination } from './termination.js';

/** Answer `--print-capabilities`. */
export function printCapabilities(io: Io): void {
  io.stdout(`${JSON.stringify(backendCapabilities(builtinDevices.values()), undefined, 2)}\n`);
}

/** Run a device until a signal or, with `--once`, the end of its first client. */
export async function serveDevice(
  name: string | undefined,
  options: ServeOptions,
  { io, logger }: { readonly io: Io; readonly logger: Logger },
): Promise<void> {
  const definition = findDevice(name);
  const listen = listenUri(options, io);
  const settings = deviceOptions(definition, parseSettings(options.set));
  const registry = await loadTransports(listen);

  // Watched before the server exists, so that a signal during start-up ends it cleanly, too.
  const termination = watchTermination();
  try {
    const server = await serve({
      definition,
      options: settings,
      registry,
      listen,
      logger,
      once: options.once === true || isConnectedSocket(listen),
    });
    const logStatistics = (): void => logger.info(server.statistics(), 'statistics');
    process.on('SIGUSR2', logStatistics);
    io.stdout(`listening ${server.uri}\n`);
    const signal = await Promise.race([server.closed, termination.requested]);
    if (signal !== undefined) logger.info({ signal }, 'ending');
    await server.close();
    process.off('SIGUSR2', logStatistics);
  } finally {
    termination.dispose();
  }
}

function findDevice(name: string | undefined): PciDeviceDefinition<unknown> {
  const known = [...builtinDevices.keys()].join(', ');
  if (name === undefined) throw new UsageError(`which device? Give one of: ${known}`);
  const definition = builtinDevices.get(name);
  if (definition === undefined) throw new UsageError(`no device ${name}; there are: ${known}`);
  return definition;
}
