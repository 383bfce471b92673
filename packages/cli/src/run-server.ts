import type { Logger, TransportRegistry } from '@vfio-user/core';
import { ExitCode } from './errors.js';
import type { Io } from './io.js';
import { watchTermination } from './termination.js';

/** A device server or a bridge. */
export interface RunningServer {
  readonly uri: string;
  readonly closed: Promise<void>;
  statistics(): object;
  close(): Promise<void>;
}

/** What {@link runServer} needs, besides the server. */
export interface ServerContext {
  readonly io: Io;
  readonly logger: Logger;
  readonly registry: TransportRegistry;
  /** Adds to the server's own statistics for SIGUSR2. */
  readonly observation?: { statistics(own: object): object };
  /** Called with the URI, instead of printing `listening <uri>` on stdout. */
  announce?(uri: string): void;
}

/**
 * Start a server, print where it listens, and run it until a signal or its own end. SIGUSR2 logs statistics, SIGHUP
 * reloads certificates.
 * @param start is aborted by a signal that ends the command.
 */
export async function runServer(
  start: (signal: AbortSignal) => Promise<RunningServer>,
  { io, logger, registry, observation, announce = (uri) => announceOn(io, uri) }: ServerContext,
): Promise<void> {
  // Watched before the server exists, so that a signal during start-up ends it cleanly, too.
  const termination = watchTermination();
  const starting = new AbortController();
  void termination.requested.then(() => starting.abort());
  let server: RunningServer | undefined;
  const logStatistics = (): void => {
    const own = server?.statistics() ?? {};
    logger.info({ ...(observation?.statistics(own) ?? own) }, 'statistics');
  };
  const reload = (): void => {
    logger.info({ signal: 'SIGHUP' }, 'reading certificates again');
    void registry.reload(logger);
  };
  process.on('SIGUSR2', logStatistics);
  process.on('SIGHUP', reload);
  try {
    server = await start(starting.signal);
    announce(server.uri);
    const signal = await Promise.race([server.closed, termination.requested]);
    if (signal !== undefined) logger.info({ signal }, 'ending');
    await server.close();
  } catch (error) {
    if (error !== starting.signal.reason) throw error;
    logger.info({ signal: await termination.requested }, 'ended before it listened');
    // What a device does while it is created goes on otherwise.
    io.exit(ExitCode.OK);
  } finally {
    process.off('SIGUSR2', logStatistics);
    process.off('SIGHUP', reload);
    termination.dispose();
  }
}

/** Print `listening <uri>`. */
export function announceOn(io: Io, uri: string): void {
  (io.announce ?? io.stdout)(`listening ${uri}\n`);
}
