import { constants, Irq, Region, RemoteError } from '@vfio-user/core';
import { benchRegisters as register } from '@vfio-user/devices';
import type { Suite } from '../suite.js';
import { fillPattern } from '../test-frames.js';
import { DEVICE_MEMORY_BYTES, openTestDevice, VECTORS } from './test-device-session.js';

const { NUM_IRQS, NUM_REGIONS } = constants;

const POSTED = 1000;

/** Negotiation, configuration space and register accesses. */
export function registerTests(suite: Suite): void {
  suite.test('a client learns what the device is', async (t) => {
    const { client } = await openTestDevice(t, suite);
    t.equal(client.version.major, 0);
    t.match(client.info, { numRegions: NUM_REGIONS, numIrqs: NUM_IRQS });
    t.match(await client.regionInfo(Region.BAR2), { size: DEVICE_MEMORY_BYTES });
    const counts = [];
    for (const index of Object.values(Irq)) counts.push((await client.irqInfo(index)).count);
    t.same(counts, [1, 32, VECTORS, 1, 1]);
  });

  suite.test('configuration space can be read and written', async (t) => {
    const { client } = await openTestDevice(t, suite);
    const head = await client.regionRead(Region.CONFIG, 0, 4);
    t.same(head, new Uint8Array([0x34, 0x12, 0x4c, 0xbe]));
    await client.regionWrite(Region.CONFIG, 4, new Uint8Array([0x06, 0]));
    t.same(await client.regionRead(Region.CONFIG, 4, 2), new Uint8Array([0x06, 0]));
    t.equal((await client.regionRead(Region.CONFIG, 0, 256)).length, 256);
  });

  suite.test('accesses of every size reach the registers', async (t) => {
    const { client } = await openTestDevice(t, suite);
    for (const size of [1, 2, 3, 4, 7, 8, 64, 4095, 4096, 4097, 65_536]) {
      const data = new Uint8Array(size);
      fillPattern(data, size);
      const offset = size < 60_000 ? 40 : 0;
      await client.regionWrite(Region.BAR4, offset, data);
      const seen = await client.regionRead(Region.BAR4, offset, size);
      t.equal(Buffer.compare(seen, data), 0, `${size} bytes`);
    }
  });

  suite.test('posted writes are done in order, before a later read', async (t) => {
    const driver = await openTestDevice(t, suite);
    for (let i = 1; i <= POSTED; i++) {
      if (!driver.post32(register.SCRATCH, i)) await driver.client.drained();
      if (i % 97 === 0) t.equal(await driver.read32(register.SCRATCH), i);
    }
    t.equal(await driver.read32(register.SCRATCH), POSTED);
    t.equal(await driver.read32(register.SCRATCH_WRITES), POSTED);
  });

  suite.test('many accesses at once are each answered', async (t) => {
    const { client } = await openTestDevice(t, suite);
    const data = new Uint8Array(2000);
    fillPattern(data, 1);
    await client.regionWrite(Region.BAR4, 0, data);
    const reads = Array.from({ length: 500 }, (_, i) =>
      client.regionRead(Region.BAR4, i, 1 + (i % 16)),
    );
    const answers = await Promise.all(reads);
    t.ok(
      answers.every((bytes, i) => Buffer.compare(bytes, data.subarray(i, i + 1 + (i % 16))) === 0),
    );
  });

  suite.test('a refused access leaves the session as it was', async (t) => {
    const driver = await openTestDevice(t, suite);
    const { client } = driver;
    await t.rejects(client.regionRead(Region.BAR0, register.CONTROL_BYTES, 4), RemoteError);
    await t.rejects(client.regionWrite(Region.BAR3, 0, new Uint8Array(4)), RemoteError);
    await t.rejects(client.regionInfo(NUM_REGIONS), RemoteError);
    t.equal(await driver.read32(register.ID), register.ID_VALUE);
  });

  suite.test('a mapped region is the memory behind the registers', ['sharedMemory'], async (t) => {
    const { client } = await openTestDevice(t, suite);
    const region = await client.mapRegion(Region.BAR2);
    const quarter = DEVICE_MEMORY_BYTES / 4;
    t.match(region.areas, [{ offset: 0 }, { offset: 2 * quarter }]);
    for (const { offset, memory } of region.areas) {
      const data = new Uint8Array(100);
      fillPattern(data, offset);
      memory.write(memory.length - 100, data);
      const at = offset + memory.length - 100;
      t.same(await client.regionRead(Region.BAR2, at, 100), data, 'stores are seen by the device');
      await client.regionWrite(Region.BAR2, offset, data);
      t.same(memory.view(0, 100), data, 'writes are seen by loads');
    }
    region.close();
  });

  suite.test('a region that cannot be mapped is left to messages', async (t) => {
    const { client } = await openTestDevice(t, suite);
    t.same((await client.mapRegion(Region.BAR4)).areas, []);
    if (suite.fixture.expected.sharedMemory) return;
    t.same((await client.mapRegion(Region.BAR2)).areas, []);
  });
}
