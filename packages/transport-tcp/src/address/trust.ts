import { VfioUserError } from '@vfio-user/core';
import { isLoopback } from '@vfio-user/core/transport';
import type { NetworkEndpoint } from './endpoint.js';

/**
 * Anybody who reaches a plain port can use the device and see what passes.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` if `ip`, what the host of the URI means, is not for
 * this machine only.
 */
export function refuseUntrustedNetwork({ href, scheme }: NetworkEndpoint, ip: string): void {
  if (scheme === 'tls' || scheme === 'wss' || isLoopback(ip)) return;
  const secure = scheme === 'tcp' ? 'tls:' : 'wss:';
  throw new VfioUserError(
    'VFU_CONFIG_INVALID',
    `${href}: listening on ${ip} lets anybody who reaches it use the device, unencrypted. Use ${secure} with certificates, listen on 127.0.0.1, or insist with --insecure (the option insecure: true)`,
  );
}
