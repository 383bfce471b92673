import { crc32 } from 'node:zlib';
import { Command, constants, errno, Region } from '@vfio-user/core';
import { benchRegisters as register } from '@vfio-user/devices';
import type { Suite } from '../suite.js';
import { fillPattern } from '../test-frames.js';
import { refusal } from './overreaching-server.js';
import {
  bytesIn,
  DEVICE_MEMORY_BYTES,
  type DmaMode,
  dmaModes,
  MAX_TRANSFER_BYTES,
  mapGuest,
  openTestDevice,
} from './test-device-session.js';

const { DMA_MAP_READ } = constants;

const BASE = 0x1_0000_0000;
const PAGE = 4096;

/** The device reads and writes guest memory, as far as it may. */
export function dmaTests(suite: Suite): void {
  for (const mode of dmaModes) transferTests(suite, mode);

  suite.test(
    'DMA crosses from shared memory into memory by messages',
    ['sharedMemory'],
    async (t) => {
      const driver = await openTestDevice(t, suite);
      const first = await mapGuest(driver.client, { address: BASE, length: PAGE, share: true });
      const second = await mapGuest(driver.client, {
        address: BASE + PAGE,
        length: PAGE,
        share: false,
      });
      const fill = { command: register.DMA_FILL_GUEST, pattern: 0x5a5a_5a5a };
      t.equal(await driver.dma({ ...fill, destination: BASE + 100, length: PAGE }), 0);
      t.ok(bytesIn(first, 100, PAGE - 100).every((byte) => byte === 0x5a));
      t.ok(bytesIn(second, 0, 100).every((byte) => byte === 0x5a));
      t.ok(bytesIn(second, 100, 100).every((byte) => byte === 0));
    },
  );
}

function transferTests(suite: Suite, { name, share, needs }: DmaMode): void {
  suite.test(`DMA by ${name} carries data both ways`, needs, async (t) => {
    const driver = await openTestDevice(t, suite);
    const length = DEVICE_MEMORY_BYTES;
    const memory = await mapGuest(driver.client, { address: BASE, length: 3 * length, share });
    const data = new Uint8Array(length);
    fillPattern(data, 3);
    memory.write(0, data);
    t.equal(
      await driver.dma({ command: register.DMA_CHECKSUM_GUEST, source: BASE, length: length - 5 }),
      0,
    );
    t.equal(await driver.read32(register.DMA_CHECKSUM), crc32(data.subarray(0, length - 5)));
    t.equal(await driver.dma({ command: register.DMA_LOAD, source: BASE, length }), 0);
    const device = await driver.client.regionRead(Region.BAR2, 1000, 3000);
    t.same(device, data.subarray(1000, 4000), 'the device has it');
    t.equal(
      await driver.dma({ command: register.DMA_STORE, destination: BASE + length, length }),
      0,
    );
    t.equal(Buffer.compare(bytesIn(memory, length, length), data), 0, 'the guest has it back');
    t.equal(
      await driver.dma({
        command: register.DMA_COPY_GUEST,
        source: BASE,
        destination: BASE + 2 * length,
        length,
      }),
      0,
    );
    t.equal(Buffer.compare(bytesIn(memory, 2 * length, length), data), 0, 'the guest has a copy');
  });

  suite.test(`DMA by ${name} is cut to what the client takes`, needs, async (t) => {
    const driver = await openTestDevice(t, suite);
    const length = 4 * MAX_TRANSFER_BYTES;
    const memory = await mapGuest(driver.client, { address: BASE, length, share });
    const data = new Uint8Array(length);
    fillPattern(data, 4);
    memory.write(0, data);
    const whole = { length: length - 4, chunk: DEVICE_MEMORY_BYTES };
    t.equal(
      await driver.dma({ command: register.DMA_CHECKSUM_GUEST, source: BASE + 4, ...whole }),
      0,
    );
    t.equal(await driver.read32(register.DMA_CHECKSUM), crc32(data.subarray(4)));
    t.equal(
      await driver.dma({
        command: register.DMA_FILL_GUEST,
        destination: BASE + 4,
        pattern: 0x0101_0101,
        ...whole,
      }),
      0,
    );
    t.ok(bytesIn(memory, 4, length - 4).every((byte) => byte === 1));
    t.same(bytesIn(memory, 0, 4), data.subarray(0, 4), 'nothing in front of it');
  });

  suite.test(`DMA by ${name} crosses from mapping to mapping`, needs, async (t) => {
    const driver = await openTestDevice(t, suite);
    const memories = [];
    for (let i = 0; i < 3; i++) {
      memories.push(
        await mapGuest(driver.client, { address: BASE + i * PAGE, length: PAGE, share }),
      );
    }
    const data = new Uint8Array(3 * PAGE);
    fillPattern(data, 5);
    for (const [i, memory] of memories.entries())
      memory.write(0, data.subarray(i * PAGE, (i + 1) * PAGE));
    const range = { source: BASE + 100, length: 3 * PAGE - 200, chunk: 2 * PAGE };
    t.equal(await driver.dma({ command: register.DMA_CHECKSUM_GUEST, ...range }), 0);
    t.equal(await driver.read32(register.DMA_CHECKSUM), crc32(data.subarray(100, 3 * PAGE - 100)));
  });

  suite.test(`DMA by ${name} keeps to what is mapped and allowed`, needs, async (t) => {
    const driver = await openTestDevice(t, suite);
    const { client } = driver;
    const readOnly = await mapGuest(client, {
      address: BASE,
      length: PAGE,
      share,
      writable: false,
    });
    await mapGuest(client, { address: BASE + PAGE, length: PAGE, share, readable: false });
    const fill = { command: register.DMA_FILL_GUEST, pattern: 0xffff_ffff, length: 64 };
    t.equal(await driver.dma({ ...fill, destination: BASE }), errno.EACCES, 'not writable');
    t.ok(
      bytesIn(readOnly, 0, PAGE).every((byte) => byte === 0),
      'and untouched',
    );
    const read = { command: register.DMA_CHECKSUM_GUEST, length: 64 };
    t.equal(await driver.dma({ ...read, source: BASE + PAGE }), errno.EACCES, 'not readable');
    t.equal(await driver.dma({ ...read, source: BASE }), 0, 'readable');
    t.equal(await driver.dma({ ...fill, destination: BASE + PAGE }), 0, 'writable');
    t.not(await driver.dma({ ...read, source: BASE + 2 * PAGE }), 0, 'not mapped');
    t.not(await driver.dma({ ...fill, destination: BASE + 2 * PAGE - 32 }), 0, 'beyond the end');
    t.not(
      await driver.dma({ ...read, source: 0xffff_ffff_ffff_f000n, length: PAGE }),
      0,
      'far away',
    );
  });

  suite.test(`memory mapped twice for DMA by ${name} is gone with one unmap`, needs, async (t) => {
    const driver = await openTestDevice(t, suite);
    const { client } = driver;
    const memory = await mapGuest(client, { address: BASE, length: 2 * PAGE, share });
    const fill = { command: register.DMA_FILL_GUEST, destination: BASE, length: 64 };
    t.equal(await driver.dma({ ...fill, pattern: 0x1111_1111 }), 0);
    await client.dmaMap({ address: BASE, memory, share });
    t.equal(await driver.dma({ ...fill, pattern: 0x2222_2222 }), 0, 'it changes nothing');
    t.equal(bytesIn(memory, 63, 1)[0], 0x22);

    const { EEXIST, ENOENT } = errno;
    t.equal(await refusal(client.dmaMap({ address: BASE, memory, share, length: PAGE })), EEXIST);
    t.equal(
      await refusal(client.dmaMap({ address: BASE, memory, share, readable: false })),
      EEXIST,
    );
    const other = client.allocateMemory(2 * PAGE);
    t.equal(await refusal(client.dmaMap({ address: BASE, memory: other, share })), EEXIST);
    const asked = { argsz: 32, flags: DMA_MAP_READ, offset: 0n, address: BASE, size: PAGE };
    const answer = client.call(Command.DMA_MAP, asked, () => undefined);
    t.equal(await refusal(answer), EEXIST, 'the server says so as well');
    t.equal(await driver.dma({ ...fill, pattern: 0x3333_3333 }), 0, 'and keeps the first');
    t.equal(bytesIn(memory, 63, 1)[0], 0x33);

    await client.dmaUnmap(BASE, 2 * PAGE);
    t.equal(await driver.dma({ ...fill, pattern: 0x4444_4444 }), ENOENT);
    t.equal(bytesIn(memory, 63, 1)[0], 0x33, 'out of reach');
    t.equal(await refusal(client.dmaUnmap(BASE, 2 * PAGE)), ENOENT);
    await client.dmaMap({ address: BASE, memory: other, share });
    t.equal(await driver.dma({ ...fill, pattern: 0x5555_5555 }), 0, 'the range is free');
    t.equal(bytesIn(other, 63, 1)[0], 0x55);
  });

  suite.test(`unmapping ends DMA by ${name} that is under way`, needs, async (t) => {
    const driver = await openTestDevice(t, suite);
    const { client } = driver;
    const length = 4 * MAX_TRANSFER_BYTES;
    const memory = await mapGuest(client, { address: BASE, length, share });
    const fill = { command: register.DMA_FILL_GUEST, pattern: 0xffff_ffff, destination: BASE };
    await driver.startDma({ ...fill, length, chunk: PAGE, depth: 64, repeat: 100_000 });
    await client.dmaUnmap(BASE, length);
    const marker = new Uint8Array(length).fill(0x11);
    memory.write(0, marker);
    t.not(await driver.dmaEnded(), 0);
    t.equal(Buffer.compare(bytesIn(memory, 0, length), marker), 0, 'untouched since');
    const again = await client.dmaUnmap(BASE, length).catch((error) => error);
    t.match(again, { errno: errno.ENOENT });
    await client.dmaMap({ address: BASE, memory, share });
    t.equal(await driver.dma({ ...fill, length: 64, repeat: 1 }), 0, 'it can be mapped again');
  });
}
