import { isIPv6 } from 'node:net';
import { formatHostPort, withoutZone } from '@vfio-user/core/transport';
import {
  AF_INET,
  AF_INET6,
  bind,
  type FileDescriptor,
  type InternetAddress,
  IPPROTO_TCP,
  internetSocketAddress,
  listen,
  localAddress,
  parseInternetAddress,
  remoteAddress,
  SO_KEEPALIVE,
  SO_REUSEADDR,
  SOL_SOCKET,
  setSocketOption,
  streamSocket,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_NODELAY,
  TCP_RTO_MAX_MS,
  TCP_USER_TIMEOUT,
  unavailableReason,
} from '@vfio-user/posix-ffi';
import { AcceptLoop } from '@vfio-user/transport-socket';
import type { TcpSettings } from '../options.js';
import { connectSocket } from './connect-socket.js';
import { KernelSocket } from './kernel-socket.js';
import { nodeStack } from './node-stack.js';
import type { Stack } from './stack.js';

/** Keep-alive probes sent within the time a peer may be silent. */
const PROBES = 3;

/**
 * Longest time until what is not acknowledged is sent again, ms. Beyond a pause of 3 s in the
 * network the kernel would wait for 3 s more. No line has so long a round trip.
 */
const LONGEST_RETRANSMISSION_MS = 1_500;

/** TCP by system calls. */
export const kernelTcpStack: Stack<InternetAddress> = {
  async connect(address, options) {
    const socket = tcpSocket(address);
    await connectSocket(socket, internetSocketAddress(address), options);
    tune(socket, options.peerTimeoutMs);
    return new KernelSocket(socket, formatHostPort(address.host, address.port));
  },

  async listen(address, { backlog, peerTimeoutMs, onSocket, onError }) {
    const socket = tcpSocket(address);
    try {
      setSocketOption(socket, SOL_SOCKET, SO_REUSEADDR, 1);
      bind(socket, internetSocketAddress(address));
      listen(socket, backlog);
    } catch (error) {
      socket.close();
      throw error;
    }
    const { port } = named(localAddress(socket));
    const loop = new AcceptLoop(socket, {
      onSocket(accepted) {
        let peer: string;
        try {
          peer = nameOf(accepted);
          tune(accepted, peerTimeoutMs);
        } catch {
          // Gone again already.
          accepted.close();
          return;
        }
        onSocket(new KernelSocket(accepted, peer));
      },
      onError,
    });
    return { port, close: async () => loop.close() };
  },
};

function tcpSocket({ host }: InternetAddress): FileDescriptor {
  return streamSocket(isIPv6(withoutZone(host)) ? AF_INET6 : AF_INET);
}

/** TCP_NODELAY, and a limit on how long a peer may be silent. */
function tune(socket: FileDescriptor, peerTimeoutMs: number): void {
  const seconds = Math.max(1, Math.floor(peerTimeoutMs / 1000 / PROBES));
  setSocketOption(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  setSocketOption(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  setSocketOption(socket, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
  setSocketOption(socket, IPPROTO_TCP, TCP_KEEPINTVL, seconds);
  setSocketOption(socket, IPPROTO_TCP, TCP_KEEPCNT, PROBES - 1);
  setSocketOption(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, peerTimeoutMs);
  try {
    setSocketOption(socket, IPPROTO_TCP, TCP_RTO_MAX_MS, LONGEST_RETRANSMISSION_MS);
  } catch {
    // An older kernel.
  }
}

function nameOf(socket: FileDescriptor): string {
  const { host, port } = named(remoteAddress(socket));
  return formatHostPort(host, port);
}

function named(address: Uint8Array): InternetAddress {
  return parseInternetAddress(address) ?? { host: 'an unknown address', port: 0 };
}

/** TCP by system calls, if enabled and available; otherwise by Node. */
export function tcpStack({ systemCalls }: TcpSettings): Stack<InternetAddress> {
  return systemCalls && unavailableReason() === undefined ? kernelTcpStack : nodeStack;
}
