import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { VfioUserError } from '@vfio-user/core';
import { attemptFailed } from '@vfio-user/core/internal';
import { formatHostPort, orAborted, splitZone } from '@vfio-user/core/transport';
import type { Lookup } from '../options.js';

/**
 * The IP addresses of a host, in the order in which to try them.
 * @throws {VfioUserError} `VFU_SYSTEM_ERROR` when there is no such host, `VFU_CONFIG_INVALID` when
 *   an address means another host on each network.
 */
async function resolveHost(host: string, lookup: Lookup): Promise<readonly string[]> {
  const [ip, zone] = splitZone(host);
  if (isIP(ip) !== 0) {
    if (zone === undefined) refuseWithoutZone(ip);
    return [host];
  }
  try {
    const found = await lookup(host);
    return found.map(({ address }) => address);
  } catch (cause) {
    throw attemptFailed('find-host', `there is no host ${host}`, cause);
  }
}

const linkLocal = new BlockList();
linkLocal.addSubnet('fe80::', 10, 'ipv6');

function refuseWithoutZone(ip: string): void {
  if (isIP(ip) !== 6 || !linkLocal.check(ip, 'ipv6')) return;
  const names = Object.keys(networkInterfaces());
  const [name = 'eth0'] = names.filter((each) => each !== 'lo');
  throw new VfioUserError(
    'VFU_CONFIG_INVALID',
    `${ip} may be another machine on each network: say by which interface, for example ${formatHostPort(`${ip}%${name}`)}. This machine has ${names.join(', ')}`,
  );
}

/** Who knows the addresses of a host, and how long to wait for them. */
export interface ResolveLimits {
  readonly lookup: Lookup;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** As {@link resolveHost}, but not for longer than that: name servers are waited for at length. */
export async function resolveHostInTime(
  host: string,
  { lookup, timeoutMs, signal }: ResolveLimits,
): Promise<readonly string[]> {
  const time = AbortSignal.timeout(Math.ceil(timeoutMs));
  try {
    const ends = signal === undefined ? time : AbortSignal.any([time, signal]);
    return await orAborted(resolveHost(host, lookup), ends);
  } catch (error) {
    signal?.throwIfAborted();
    if (!time.aborted || VfioUserError.is(error)) throw error;
    const text = `no name server said within ${Math.round(timeoutMs)} ms what the address of ${host} is`;
    throw new VfioUserError('VFU_TIMEOUT', text);
  }
}
