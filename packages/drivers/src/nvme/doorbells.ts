import { type DeviceClient, Region, VfioUserError } from '@vfio-user/core';
import { nvmeRegisters } from '@vfio-user/devices';
import type { Registers } from '../registers.js';

const { DOORBELL_BYTES, DOORBELLS_OFFSET } = nvmeRegisters;

/** Writes doorbells. */
export interface Doorbells {
  /** `offset` counts from the first doorbell, bytes. */
  store(offset: number, value: number): void;
  close(): void;
}

/** By posted writes. */
export function postedDoorbells(registers: Registers): Doorbells {
  return {
    store: (offset, value) => registers.post32(DOORBELLS_OFFSET + offset, value),
    close() {},
  };
}

/** By stores to the mapped doorbell page. */
export async function mappedDoorbells(client: DeviceClient): Promise<Doorbells> {
  const region = await client.mapRegion(Region.BAR0);
  const area = region.areas.find(({ offset }) => offset === DOORBELLS_OFFSET);
  const bytes = area?.memory.view(0, area.memory.length);
  if (bytes === undefined) {
    region.close();
    throw new VfioUserError('VFU_UNSUPPORTED', 'the controller lets nobody map its doorbells');
  }
  const { buffer, byteOffset, byteLength } = bytes;
  const words = new Int32Array(buffer, byteOffset, byteLength / DOORBELL_BYTES);
  return {
    // Atomic, so that the entry is there before.
    store: (offset, value) => Atomics.store(words, offset / DOORBELL_BYTES, value),
    close: () => region.close(),
  };
}
