import { startEchoServer } from '@vfio-user/bench';
import { hostPortOf, isLoopback, parseUri } from '@vfio-user/core/transport';
import { UsageError } from '../../errors.js';
import type { Io } from '../../io.js';
import { announceOn } from '../../run-server.js';
import { watchTermination } from '../../termination.js';

/** The options of `bench echo`. */
export interface EchoOptions {
  readonly listen: string;
  readonly insecure?: boolean | undefined;
}

/** Echo until a signal. One that comes while a client is served has to wait until it has left. */
export async function runEcho({ listen, insecure = false }: EchoOptions, io: Io): Promise<void> {
  refuseNetwork(listen, insecure);
  const server = startEchoServer(listen);
  const termination = watchTermination();
  announceOn(io, server.uri);
  await termination.requested;
  server.close();
  termination.dispose();
}

function refuseNetwork(listen: string, insecure: boolean): void {
  const uri = parseUri(listen);
  if (uri.protocol !== 'tcp:' || insecure) return;
  if (isLoopback(hostPortOf(uri).host)) return;
  throw new UsageError(`${listen}: anybody who gets there could use it; insist with --insecure`);
}
