import {
  connectDevice,
  type DeviceClient,
  type GuestMemory,
  TransportRegistry,
} from '@vfio-user/core';
import { unixTransport } from '@vfio-user/transport-unix';

/** Where guest memory begins for the device. */
export const GUEST_BASE = 0x1_0000_0000;

/** A client that has mapped guest memory for its device. */
export interface Guest {
  readonly client: DeviceClient;
  readonly memory: GuestMemory;
  close(): Promise<void>;
}

/** Connect, and map `length` bytes of memory at {@link GUEST_BASE}, every page touched. */
export async function plugIn(socket: string, length: number): Promise<Guest> {
  const registry = new TransportRegistry([unixTransport()]);
  const client = await connectDevice(`unix://${socket}`, { registry });
  const memory = client.memory.allocate(length);
  memory.view(0, length)?.fill(1);
  await client.dmaMap({ address: GUEST_BASE, memory });
  return {
    client,
    memory,
    async close() {
      await client.close();
      memory.close();
    },
  };
}
