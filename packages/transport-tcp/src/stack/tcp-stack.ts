import { type InternetAddress, unavailableReason } from '@vfio-user/posix-ffi';
import type { TcpSettings } from '../options.js';
import { kernelTcpStack } from './kernel-tcp-stack.js';
import { nodeStack } from './node-stack.js';
import type { Stack } from './stack.js';

/** TCP by system calls, where they are wanted and this process can make them; else by Node. */
export function tcpStack({ systemCalls }: TcpSettings): Stack<InternetAddress> {
  return systemCalls && unavailableReason() === undefined ? kernelTcpStack : nodeStack;
}
