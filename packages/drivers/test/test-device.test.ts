import { crc32 } from 'node:zlib';
import { connectDevice, type DeviceClient, errno, serve, TransportRegistry } from '@vfio-user/core';
import { bench, benchRegisters as register } from '@vfio-user/devices';
import { unixTransport } from '@vfio-user/transport-unix';
import t, { type Test } from 'tap';
import { GUEST_BASE, Guest, TestDeviceDriver } from '../src/index.js';

const LENGTH = 2 ** 16;
const registry = new TransportRegistry([unixTransport()]);
let served = 0;

async function connect(t: Test): Promise<DeviceClient> {
  const server = await serve({
    definition: bench,
    options: bench.options.parse({}),
    registry,
    listen: `unix:@vfu-test-device-${process.pid}-${served++}`,
  });
  t.teardown(() => server.close());
  const client = await connectDevice(server.uri, { registry });
  t.teardown(() => client.close());
  return client;
}

for (const [how, create] of [
  ['asks', async (client: DeviceClient) => new TestDeviceDriver(client)],
  ['waits for an interrupt', (client: DeviceClient) => TestDeviceDriver.withInterrupt(client)],
] as const) {
  t.test(`a driver that ${how} knows when DMA has ended, and how`, async (t) => {
    const client = await connect(t);
    const driver = await create(client);
    t.equal(await driver.read32(register.ID), register.ID_VALUE);
    const guest = await Guest.plugIn(client, 2 * LENGTH);
    guest.view(0, LENGTH).forEach((_, at, bytes) => {
      bytes[at] = at % 251;
    });

    const copy = { command: register.DMA_COPY_GUEST, source: GUEST_BASE, length: LENGTH };
    t.equal(await driver.dma({ ...copy, destination: GUEST_BASE + LENGTH }), 0);
    t.same(guest.view(LENGTH, LENGTH), guest.view(0, LENGTH));
    const sum = { command: register.DMA_CHECKSUM_GUEST, source: GUEST_BASE, length: LENGTH };
    t.ok((await driver.timedDma({ ...sum, repeat: 2, chunk: 4096, depth: 2 })) > 0);
    t.equal(await driver.read32(register.DMA_CHECKSUM), crc32(guest.view(0, LENGTH)));

    t.equal(await driver.dma({ ...copy, destination: 2n ** 63n }), errno.ENOENT, 'no memory there');
    await t.rejects(driver.timedDma({ ...copy, destination: 2n ** 63n }), {
      code: 'VFU_DMA_FAULT',
      message: `the device's DMA failed: errno ${errno.ENOENT}`,
    });
  });
}

t.test('64-bit registers are written low half first, whole', async (t) => {
  const driver = new TestDeviceDriver(await connect(t));
  await driver.write64(register.DMA_SOURCE, 0x1234_5678_9abc_def0n);
  t.equal(await driver.read32(register.DMA_SOURCE), 0x9abc_def0);
  t.equal(await driver.read32(register.DMA_SOURCE + 4), 0x1234_5678);
  driver.post64(register.DMA_SOURCE, 2 ** 40);
  t.equal(await driver.read32(register.DMA_SOURCE), 0);
  t.equal(await driver.read32(register.DMA_SOURCE + 4), 2 ** 8);
});
