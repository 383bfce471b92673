import type { TransportCapabilities } from '@vfio-user/core';
import type { Settings } from '../options.js';

/** What connections over RDMA say of themselves. */
export function rdmaCapabilities({ maxFrameBytes }: Settings): TransportCapabilities {
  return {
    fdPassing: false,
    sharedMemory: false,
    oneSidedMemory: true,
    orderedNotifications: true,
    maxFrameBytes,
    maxDescriptors: 0,
  };
}
