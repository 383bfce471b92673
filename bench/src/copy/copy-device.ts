import { type Dma, definePciDevice, type PciDeviceDefinition } from '@vfio-user/core';
import { z } from 'zod';

/** A device without registers that lends its DMA interface to whoever measures it in-process. */
export function copyDevice(onCreate: (dma: Dma) => void): PciDeviceDefinition<object> {
  return definePciDevice({
    name: 'copy',
    summary: 'Lends its DMA interface',
    options: z.strictObject({}),
    create(host) {
      onCreate(host.dma);
      return {
        identity: { vendorId: 0x1234, deviceId: 0xbe4d, revisionId: 1, classCode: 0xff0000 },
        reset() {},
      };
    },
  });
}
