import { VfioUserError } from '@vfio-user/core';
import { attemptFailed } from '@vfio-user/core/internal';
import {
  AF_VSOCK,
  bind,
  type FileDescriptor,
  listen,
  localAddress,
  parseVsockAddress,
  remoteAddress,
  streamSocket,
  unavailableReason,
  VMADDR_CID_ANY,
  VMADDR_PORT_ANY,
  vsockSocketAddress,
} from '@vfio-user/posix-ffi';
import { AcceptLoop } from '@vfio-user/transport-socket';
import type { VsockEndpoint } from '../address/endpoint.js';
import { connectSocket } from './connect-socket.js';
import { KernelSocket } from './kernel-socket.js';
import type { Stack } from './stack.js';

/** Sockets between a machine and its virtual machines. */
export const vsockStack: Stack<VsockEndpoint> = {
  async connect(endpoint, options) {
    const { cid = VMADDR_CID_ANY, port, href } = endpoint;
    const socket = vsockSocket(endpoint);
    try {
      await connectSocket(socket, vsockSocketAddress({ cid, port }), options);
    } catch (error) {
      options.signal?.throwIfAborted();
      throw attemptFailed('connect-vsock', `cannot connect to ${href}`, error);
    }
    return new KernelSocket(socket, `vsock ${cid}:${port}`);
  },

  async listen(endpoint, { backlog, onSocket, onError }) {
    const { href } = endpoint;
    const socket = vsockSocket(endpoint);
    let port: number;
    try {
      const { cid = VMADDR_CID_ANY } = endpoint;
      bind(socket, vsockSocketAddress({ cid, port: endpoint.port || VMADDR_PORT_ANY }));
      listen(socket, backlog);
      port = parseVsockAddress(localAddress(socket)).port;
    } catch (error) {
      socket.close();
      throw attemptFailed('listen-vsock', `cannot listen on ${href}`, error);
    }
    const loop = new AcceptLoop(socket, {
      onSocket: (accepted) => onSocket(new KernelSocket(accepted, nameOf(accepted))),
      onError,
    });
    return { port, close: async () => loop.close() };
  },
};

function vsockSocket({ href }: VsockEndpoint): FileDescriptor {
  const reason = unavailableReason();
  if (reason !== undefined) {
    throw new VfioUserError('VFU_UNSUPPORTED', `${href} cannot be used: ${reason}`);
  }
  try {
    return streamSocket(AF_VSOCK);
  } catch (cause) {
    throw new VfioUserError(
      'VFU_UNSUPPORTED',
      `${href} cannot be used: this kernel has no vsock (${(cause as Error).message}). Load its module, on a host: modprobe vhost_vsock, in a guest: modprobe vmw_vsock_virtio_transport`,
      { cause },
    );
  }
}

function nameOf(socket: FileDescriptor): string {
  const { cid, port } = parseVsockAddress(remoteAddress(socket));
  return `vsock ${cid}:${port}`;
}
