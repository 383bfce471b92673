import type { Framing, PeerIdentity, TransportCapabilities } from '@vfio-user/core';
import {
  type ConnectionLimits,
  FramedConnection,
  type PortFactory,
  type PortLayer,
} from '@vfio-user/core/transport';
import type { FileDescriptor } from '@vfio-user/posix-ffi';
import { SocketPort, type SocketPortParts } from './socket-port.js';

/** What a connection is made of besides its socket. */
export interface SocketConnectionParts extends Omit<SocketPortParts, 'maxSpinUs'> {
  readonly identity?: PeerIdentity | undefined;
  readonly capabilities: TransportCapabilities;
  readonly framing: Framing;
  /** What lies between frames and the socket. Default: nothing. */
  readonly layer?: PortLayer | undefined;
  readonly settings: ConnectionLimits & Pick<SocketPortParts, 'maxSpinUs'>;
}

/** Frames over a connected stream socket, which belongs to the connection. */
export function socketConnection(
  socket: FileDescriptor,
  parts: SocketConnectionParts,
): FramedConnection {
  const { peer, identity, capabilities, framing, settings, resources, network, onClosed, layer } =
    parts;
  const { maxSpinUs } = settings;
  const own = { peer, resources, maxSpinUs, network, ...(onClosed && { onClosed }) };
  const port: PortFactory = (events) => new SocketPort(socket, own, events);
  return new FramedConnection({
    peer,
    identity,
    capabilities,
    framing,
    limits: settings,
    port: layer === undefined ? port : layer(port),
  });
}
