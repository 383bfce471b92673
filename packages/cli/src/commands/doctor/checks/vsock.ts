import { existsSync } from 'node:fs';
import { streamSocket, unavailableReason } from '@vfio-user/posix-ffi';
import { type Finding, found, missing } from '../finding.js';

const AF_VSOCK = 40;
const ADVICE = 'on a host: modprobe vhost_vsock; in a guest: give it a vhost-vsock-pci device';

/** AF_VSOCK sockets, on the side of a host and of a guest. */
export function checkVsock(): Finding[] {
  const reason = unavailableReason() ?? socketFault();
  if (reason !== undefined) return [missing('vsock', reason, ADVICE)];
  if (!existsSync('/dev/vsock')) return [missing('vsock', 'no /dev/vsock', ADVICE)];
  const role = existsSync('/dev/vhost-vsock') ? ', can be a host (/dev/vhost-vsock)' : '';
  return [found('vsock', `AF_VSOCK sockets and /dev/vsock${role}`)];
}

function socketFault(): string | undefined {
  try {
    streamSocket(AF_VSOCK).close();
    return undefined;
  } catch (error) {
    return `no AF_VSOCK socket: ${(error as Error).message}`;
  }
}
