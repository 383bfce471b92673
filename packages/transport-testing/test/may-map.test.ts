import { connectDevice, definePciDevice, Region, serve, TransportRegistry } from '@vfio-user/core';
import { counter } from '@vfio-user/devices';
import { memoryTransport } from '@vfio-user/transport-memory';
import t from 'tap';

const PAGE = 4096;

t.test('a device is asked about mapping only where memory can be shared', async (t) => {
  for (const sharedMemory of [true, false]) {
    let asked = 0;
    const definition = definePciDevice({
      name: 'mappable',
      summary: 'a BAR of memory',
      options: counter.options,
      create(host) {
        const memory = host.allocateDeviceMemory('bar', PAGE);
        const mayMap = (): boolean => ++asked > 0;
        const bar = { size: PAGE, access: memory, memory, mappable: [{ offset: 0, size: PAGE }] };
        return {
          identity: { vendorId: 0x1234, deviceId: 1, classCode: 0xff0000 },
          bars: { 0: { kind: 'memory32', ...bar, mayMap } },
          reset() {},
        };
      },
    });
    const registry = new TransportRegistry([memoryTransport({ sharedMemory })]);
    const listen = `memory:may-map-${sharedMemory}`;
    const server = await serve({ definition, options: { modulus: 1 }, registry, listen });
    t.teardown(() => server.close());
    const client = await connectDevice(listen, { registry });
    t.teardown(() => client.close());
    await client.regionInfo(Region.BAR0);
    t.equal(asked > 0, sharedMemory);
  }
});
