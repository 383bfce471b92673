import type { EchoServersContext } from './echo-servers.js';
import { LocalTarget } from './local-target.js';
import { RemoteTarget } from './remote-target.js';
import type { Target } from './target.js';
import { type OfferedTransports, offeredTransports } from './transports.js';

/** Which targets a run is asked for. */
export interface TargetOptions {
  /** Empty: the default ones, unless there are `connect`. */
  readonly transports: readonly string[];
  /** URIs of servers that run already. */
  readonly connect: readonly string[];
  /** URI of an echo server beside those. */
  readonly echo: string | undefined;
}

/** What a run measures, and what it could not find on this machine. */
export interface FoundTargets {
  readonly targets: readonly Target[];
  readonly missing: OfferedTransports['missing'];
}

/** The servers that were named, or the transports of this machine. */
export async function findTargets(
  { transports, connect, echo }: TargetOptions,
  { folder, signal, host }: EchoServersContext,
): Promise<FoundTargets> {
  if (connect.length > 0) {
    const targets: Target[] = [];
    for (const uri of new Set(connect)) {
      targets.push(await RemoteTarget.find(uri, { host, signal, hasEcho: echo !== undefined }));
    }
    return { targets, missing: [] };
  }
  const offered = offeredTransports(transports, folder);
  const targets = offered.transports.map(
    (transport) => new LocalTarget(transport, host.script, signal),
  );
  return { targets, missing: offered.missing };
}
