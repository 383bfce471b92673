import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { VfioUserError } from '@vfio-user/core';

/**
 * The IP addresses of a host, in the order in which to try them.
 * @throws {VfioUserError} `VFU_SYSTEM_ERROR` when there is no such host.
 */
export async function resolveHost(host: string): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  try {
    const found = await lookup(host, { all: true });
    return found.map(({ address }) => address);
  } catch (cause) {
    throw new VfioUserError(
      'VFU_SYSTEM_ERROR',
      `there is no host ${host}: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
}

/** An address as it stands in a URI. */
export function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
