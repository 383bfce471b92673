import { type InternetAddress, unavailableReason } from '@vfio-user/posix-ffi';
import { kernelTcpStack } from './kernel-tcp-stack.js';
import { nodeStack } from './node-stack.js';
import type { Stack } from './stack.js';

/**
 * TCP by system calls, which saves Node's stream layers on every message, where this process can
 * make them; by Node elsewhere.
 */
export function tcpStack(): Stack<InternetAddress> {
  return unavailableReason() === undefined ? kernelTcpStack : nodeStack;
}
