import type { AccessSize, BarIndex, PciDevice } from '@vfio-user/core';
import type { RegisterPort } from '@vfio-user/drivers';
import { registersOf } from './fake-host.js';

/** The registers of a device in this process, for its driver. Writes are carried out when they are posted. */
export function registerPort(device: PciDevice): RegisterPort {
  const write = (region: number, offset: number, data: Uint8Array): void => {
    const registers = registersOf(device, region as BarIndex); // regions 0 to 5 are the BARs
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    for (let at = 0; at < data.length; at += 4) {
      registers.write(offset + at, 4, view.getUint32(at, true));
    }
  };
  return {
    async regionRead(region, offset, count) {
      const value = registersOf(device, region as BarIndex).read(offset, count as AccessSize);
      return new Uint8Array(Uint32Array.of(value).buffer).subarray(0, count);
    },
    async regionWrite(region, offset, data) {
      write(region, offset, data);
    },
    regionWritePosted(region, offset, data) {
      write(region, offset, data);
      return true;
    },
    async drained() {},
  };
}
