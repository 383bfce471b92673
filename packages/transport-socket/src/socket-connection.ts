import type { Framing, TransportCapabilities } from '@vfio-user/core';
import { type ConnectionLimits, FramedConnection } from '@vfio-user/core/transport';
import type { FileDescriptor } from '@vfio-user/posix-ffi';
import { SocketPort, type SocketPortParts } from './socket-port.js';

/** What a connection is made of besides its socket. */
export interface SocketConnectionParts extends Omit<SocketPortParts, 'maxSpinUs'> {
  readonly capabilities: TransportCapabilities;
  readonly framing: Framing;
  readonly settings: ConnectionLimits & Pick<SocketPortParts, 'maxSpinUs'>;
}

/** Frames over a connected stream socket, which belongs to the connection. */
export function socketConnection(
  socket: FileDescriptor,
  { peer, capabilities, framing, settings, resources, network, onClosed }: SocketConnectionParts,
): FramedConnection {
  const { maxSpinUs } = settings;
  const parts = { peer, resources, maxSpinUs, network, ...(onClosed && { onClosed }) };
  return new FramedConnection({
    peer,
    capabilities,
    framing,
    limits: settings,
    port: (events) => new SocketPort(socket, parts, events),
  });
}
