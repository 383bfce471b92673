import type { AccessRights } from '@vfio-user/core';
import type { MemoryRegionAccess } from 'node-rdma-ffi';

/** What adapters may do with registered memory. */
export const memoryAccess = {
  /** Buffers of the transport: only its own adapter touches them. */
  own: { localWrite: true } satisfies MemoryRegionAccess,

  /** Memory that is exposed to the peer. Who lets others write must be able to write itself. */
  exposed({ readable, writable }: AccessRights): MemoryRegionAccess {
    return { localWrite: writable, remoteRead: readable, remoteWrite: writable };
  },
};
