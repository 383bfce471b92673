import {
  connectDevice,
  type DeviceClient,
  type GuestMemory,
  TransportRegistry,
} from '@vfio-user/core';
import { tcpTransport } from '@vfio-user/transport-tcp';
import { unixTransport } from '@vfio-user/transport-unix';

/** Where guest memory begins for the device. */
export const GUEST_BASE = 0x1_0000_0000;

/** A client that has mapped guest memory for its device. */
export interface Guest {
  readonly client: DeviceClient;
  readonly memory: GuestMemory;
  close(): Promise<void>;
}

/** Connect to a device by whichever of our transports the URI asks for. */
export function connect(uri: string): Promise<DeviceClient> {
  return connectDevice(uri, {
    registry: new TransportRegistry([unixTransport(), tcpTransport()]),
  });
}

/** Connect, and map `length` bytes of memory at {@link GUEST_BASE}, every page touched. */
export async function plugIn(uri: string, length: number): Promise<Guest> {
  const client = await connect(uri);
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
