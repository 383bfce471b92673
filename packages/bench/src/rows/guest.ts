import { connectDevice, type DeviceClient, TransportRegistry } from '@vfio-user/core';
import { Guest } from '@vfio-user/drivers';
import { tcpTransport } from '@vfio-user/transport-tcp';
import { unixTransport } from '@vfio-user/transport-unix';

/** Connect to a device by whichever of our transports the URI asks for. */
export function connect(uri: string): Promise<DeviceClient> {
  return connectDevice(uri, {
    registry: new TransportRegistry([unixTransport(), tcpTransport()]),
  });
}

/** Connect, and map memory for the device. */
export async function plugIn(uri: string, length: number): Promise<Guest> {
  return Guest.plugIn(await connect(uri), length);
}
