import { type DeviceClient, Region, VfioUserError } from '@vfio-user/core';
import type { Registers } from '../registers.js';
import { DOORBELLS } from './entries.js';

/** How queue positions are told to the controller. */
export interface Doorbells {
  ringTail(queue: number, tail: number): void;
  ringHead(queue: number, head: number): void;
  close(): void;
}

/** By a message each that nobody answers. */
export function postedDoorbells(registers: Registers): Doorbells {
  return {
    ringTail: (queue, tail) => registers.post(DOORBELLS + queue * 8, tail),
    ringHead: (queue, head) => registers.post(DOORBELLS + queue * 8 + 4, head),
    close() {},
  };
}

/** By a store to the controller's memory. */
export async function mappedDoorbells(client: DeviceClient): Promise<Doorbells> {
  const region = await client.mapRegion(Region.BAR0);
  const area = region.areas.find(({ offset }) => offset === DOORBELLS);
  const bytes = area?.memory.view(0, area.memory.length);
  if (bytes === undefined) {
    throw new VfioUserError('VFU_UNSUPPORTED', 'the controller lets nobody map its doorbells');
  }
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  return {
    // Atomic, so that the entry is there before.
    ringTail: (queue, tail) => Atomics.store(words, queue * 2, tail),
    ringHead: (queue, head) => Atomics.store(words, queue * 2 + 1, head),
    close: () => region.close(),
  };
}
