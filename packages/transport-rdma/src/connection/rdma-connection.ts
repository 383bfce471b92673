import { FramedConnection } from '@vfio-user/core/transport';
import { type RdmaConnectionParts, RdmaPort } from './rdma-port.js';

/** Frames and memory over a queue pair that both sides have tried. */
export function rdmaConnection(parts: RdmaConnectionParts): FramedConnection {
  const { bootstrap, framing, settings } = parts;
  return new FramedConnection({
    peer: bootstrap.peer,
    identity: bootstrap.identity,
    framing,
    capabilities: {
      fdPassing: false,
      sharedMemory: false,
      oneSidedMemory: true,
      orderedNotifications: true,
      maxFrameBytes: settings.maxFrameBytes,
      maxDescriptors: 0,
    },
    limits: settings,
    port: (events) => new RdmaPort(parts, events),
  });
}
