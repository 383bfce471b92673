import { existsSync } from 'node:fs';

/** How a machine calls itself (VMADDR_CID_LOCAL). */
export const VSOCK_LOOPBACK_CID = 1;

/** Whether a vsock connection from this machine to itself gets anywhere. */
export function hasVsockLoopback(): boolean {
  // Without the module, connecting would take until its timeout to fail.
  return existsSync('/dev/vsock') && existsSync('/sys/module/vsock_loopback');
}
