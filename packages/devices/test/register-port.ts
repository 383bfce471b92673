import type { TestHost } from '@vfio-user/core';
import type { RegisterPort } from '@vfio-user/drivers';

/** The registers of a device in this process, for its driver. Writes are carried out when they are posted. */
export function registerPort(host: TestHost): RegisterPort {
  return {
    regionRead: async (region, offset, count) => host.readBytes(region, Number(offset), count),
    async regionWrite(region, offset, data) {
      host.writeBytes(region, Number(offset), data);
    },
    regionWritePosted(region, offset, data) {
      host.writeBytes(region, Number(offset), data);
      return true;
    },
    async drained() {},
  };
}
