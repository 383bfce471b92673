import { connectDevice, serve, TransportRegistry } from '@vfio-user/core';
import { NVME_IO_OPCODE, nvme } from '@vfio-user/devices';
import { unixTransport } from '@vfio-user/transport-unix';
import t, { type Test } from 'tap';
import { NvmeDriver, type NvmeDriverOptions } from '../src/index.js';

const { BLOCK_BYTES } = NvmeDriver;
const BLOCKS = 64;
const registry = new TransportRegistry([unixTransport()]);
/** What is served to a driver that rings so. */
const SERVED = { posted: 'auto', mapped: 'mapped' } as const;
let served = 0;

async function attach(
  t: Test,
  options: NvmeDriverOptions,
  settings: Record<string, string> = {},
): Promise<NvmeDriver> {
  const server = await serve({
    definition: nvme,
    options: nvme.options.parse({ size: String(BLOCKS * BLOCK_BYTES), ...settings }),
    registry,
    listen: `unix:@vfu-drivers-${process.pid}-${served++}`,
  });
  t.teardown(() => server.close());
  const driver = await NvmeDriver.attach(await connectDevice(server.uri, { registry }), options);
  t.teardown(() => driver.close());
  return driver;
}

for (const doorbells of ['posted', 'mapped'] as const) {
  t.test(`a disk is found, written and read again: doorbells are ${doorbells}`, async (t) => {
    const driver = await attach(t, { doorbells }, { doorbells: SERVED[doorbells] });
    t.throws(() => driver.namespace, { message: /has not been started/ });
    await driver.start();
    t.match(driver.namespace, { id: 1, bytes: BLOCKS * BLOCK_BYTES, blockBytes: 512 });
    t.equal(await driver.version(), 0x0001_0400);

    const data = (seed: number) => new Uint8Array(BLOCK_BYTES).map((_, at) => (at + seed) % 251);
    // More than the rings have entries.
    for (let i = 0; i < 100; i++) await driver.write(i % BLOCKS, data(i));
    t.same(await driver.read(35), data(99));
    t.same(await driver.read(36), data(36));
    await t.rejects(driver.read(BLOCKS), {
      code: 'VFU_SYSTEM_ERROR',
      message: /NVMe command 0x2 of block 64 failed: status 128/, // LBA Out of Range
    });

    await driver.start();
    t.same(await driver.read(35), data(99), 'the disk keeps it over a reset of the controller');
  });

  t.test(`commands are under way at once: doorbells are ${doorbells}`, async (t) => {
    const driver = await attach(t, { doorbells }, { doorbells: SERVED[doorbells] });
    await driver.start();
    const { io, isPolled } = driver;
    t.equal(isPolled, doorbells === 'mapped');
    const place = (id: number, block: number): void =>
      io.place({
        opcode: NVME_IO_OPCODE.READ,
        id,
        namespaceId: 1,
        prp1: driver.bufferAddress(id),
        dword10: block * 8,
        dword12: 7,
      });
    for (let block = 0; block < 8; block++) {
      await driver.write(block, new Uint8Array(BLOCK_BYTES).fill(block + 1));
    }
    for (let id = 0; id < 8; id++) place(id, id);
    io.ring();
    const ended = new Set<number>();
    while (ended.size < 8) {
      const id = io.take();
      if (id < 0) await driver.wait();
      else ended.add(id);
    }
    io.acknowledge();
    for (let id = 0; id < 8; id++) t.equal(driver.buffer(id)[BLOCK_BYTES - 1], id + 1);

    place(0, BLOCKS);
    io.ring();
    const taken = async (): Promise<number> => {
      for (;;) {
        const id = io.take();
        if (id >= 0) return id;
        await driver.wait();
      }
    };
    await t.rejects(taken(), { message: /an NVMe command failed: status/ });
  });
}

t.test('doorbells that cannot be mapped are told of', async (t) => {
  await t.rejects(attach(t, { doorbells: 'mapped' }, { doorbells: 'trapped' }), {
    code: 'VFU_UNSUPPORTED',
    message: /lets nobody map its doorbells/,
  });
});
