// A device over vsock, and the compliance suite, from this machine to itself.

import { connectDevice, Region, serve, TransportRegistry } from '@vfio-user/core';
import { bench, benchRegisters as register } from '@vfio-user/devices';
import { tcpTransport } from '@vfio-user/transport-tcp';
import { transportCompliance } from '@vfio-user/transport-testing';
import type { Test } from 'tap';
import { runChecks } from './checks.js';

const transport = tcpTransport();

async function servesAnyAddress(t: Test): Promise<void> {
  const registry = new TransportRegistry([transport]);
  const options = bench.options.parse({});
  const listen = 'vsock://any:5000';
  const server = await serve({ definition: bench, options, registry, listen });
  t.teardown(() => server.close());
  const client = await connectDevice('vsock://1:5000', { registry });
  t.teardown(() => client.close());
  t.match(client.connection.peer, /^vsock 1:5000$/);
  const bytes = await client.regionRead(Region.BAR0, register.ID, 4);
  t.equal(Buffer.from(bytes).toString('latin1'), 'BENC');
}

await runChecks((t) => {
  t.test('a device on any address is reached through the loopback address', servesAnyAddress);
  transportCompliance(t, {
    name: 'vsock',
    transport,
    // 1 is the machine itself (VMADDR_CID_LOCAL), for listening and for connecting.
    address: () => 'vsock://1:0',
    unusedAddress: () => 'vsock://1:1',
    expected: {
      fdPassing: false,
      sharedMemory: false,
      oneSidedMemory: false,
      orderedNotifications: true,
      maxFrameBytes: 32 * 2 ** 20,
      maxDescriptors: 0,
    },
  });
});
