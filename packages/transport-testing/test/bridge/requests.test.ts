import { Command, constants, errno, Irq, Region, RequestRefusedError } from '@vfio-user/core';
import { negotiate, OWN_CAPABILITIES } from '@vfio-user/core/internal';
import { benchRegisters as register } from '@vfio-user/devices';
import t from 'tap';
import { Counts } from '../../src/compliance/session/interrupts.js';
import { bytesIn, mapGuest } from '../../src/compliance/session/test-device-session.js';
import { BridgeFixture, PORTABLE, turns, VECTORS } from './bridge-fixture.js';
import { refusal } from './scripted-device.js';

const { REGION_FLAG_MMAP, REGION_FLAG_READ } = constants;

const BASE = 0x1000_0000;
const PAGE = 4096;
const CHUNK = 65_536;

t.test('a region that could be mapped is trapped', async (t) => {
  const fixture = await BridgeFixture.open(t, { far: '' });
  await fixture.serveBench();
  const { client } = await fixture.drive();
  const info = await client.regionInfo(Region.BAR2);
  t.equal(info.flags & REGION_FLAG_MMAP, 0);
  t.equal(info.flags & REGION_FLAG_READ, REGION_FLAG_READ);
  t.match(info, { size: 2 ** 20, argsz: 32, offset: 0 });
  t.same(info.sparse, undefined);
  t.same((await client.mapRegion(Region.BAR2)).areas, []);
  t.same(await client.doorbells(Region.BAR0), [], 'and no register has a doorbell');
});

t.test('many writes in one message arrive one by one, in order', async (t) => {
  const fixture = await BridgeFixture.open(t);
  const device = await fixture.script();
  const client = await fixture.connect();
  const writes = [1, 2, 3].map((value) => ({
    region: Region.BAR0,
    offset: 8 * value,
    count: 4,
    data: new Uint8Array([value, 0, 0, 0]),
  }));
  t.match(await client.call(Command.REGION_WRITE_MULTI, { writes }, (body) => body), { count: 3 });
  await client.regionRead(Region.BAR0, 0, 4);
  t.match(device.bodies(Command.REGION_WRITE), writes);
  t.same(device.bodies(Command.REGION_WRITE_MULTI), []);
});

t.test('a read completion does not overtake what the device wrote before it', async (t) => {
  const fixture = await BridgeFixture.open(t);
  const rounds = 16;
  await fixture.script((request, peer) => {
    if (request.command !== Command.REGION_READ) return false;
    for (let i = 0; i < rounds; i++) {
      const data = new Uint8Array(CHUNK).fill(i + 1);
      const write = { address: BASE + i * CHUNK, count: CHUNK, data };
      peer.request(Command.DMA_WRITE, write, { onReply() {}, onFailure() {} });
    }
    const data = new Uint8Array(request.body.count);
    peer.reply(request.command, request.id, { ...request.body, data });
    return true;
  });
  const client = await fixture.connect();
  const memory = await mapGuest(client, { address: BASE, length: rounds * CHUNK, share: false });
  client.connection.pause();
  const read = client.regionRead(Region.BAR0, 0, 4);
  await turns();
  client.connection.resume();
  await read;
  t.equal(bytesIn(memory, rounds * CHUNK - 1, 1)[0], rounds);
});

t.test('interrupts are wired up in as many messages as the device needs', async (t) => {
  const fixture = await BridgeFixture.open(t, { near: PORTABLE, far: '', maxDescriptors: 3 });
  await fixture.serveBench();
  const driver = await fixture.drive();
  const counts = await Counts.enable(driver, Irq.MSIX, VECTORS);
  for (let vector = 0; vector < VECTORS; vector++) await driver.ring(vector);
  await counts.until(() => counts.of.every((count) => count === 1), 'each of them');
  t.same(counts.of, new Array(VECTORS).fill(1));
});

t.test('a client is promised no more than the device can take', async (t) => {
  const fixture = await BridgeFixture.open(t);
  await fixture.script((request, peer) => {
    if (request.command !== Command.VERSION) return false;
    const own = { ...OWN_CAPABILITIES, maxDataXferSize: PAGE, maxDmaMaps: 5 };
    peer.reply(request.command, request.id, negotiate(request.body, own).reply);
    return true;
  });
  const client = await fixture.connect();
  t.match(client.server, { maxDataXferSize: PAGE, maxDmaMaps: 5 });
});

t.test('what the device refuses is refused with its errno, and not kept here', async (t) => {
  const fixture = await BridgeFixture.open(t);
  let refusing = true;
  await fixture.script(({ command, id }, peer) => {
    const refuses = refusing && command !== Command.VERSION && command !== Command.DEVICE_GET_INFO;
    if (!refuses) return false;
    const error = new RequestRefusedError(errno.EBUSY, 'the device refuses');
    peer.replyError(command, id, false, error);
    return true;
  });
  const client = await fixture.connect();
  const { openHandles } = fixture.transport;
  const memory = client.allocateMemory(PAGE);
  t.equal(await refusal(client.dmaMap({ address: BASE, memory })), errno.EBUSY);
  const wired = client.enableInterrupts(Irq.MSIX, 2, () => {});
  t.equal(await refusal(wired), errno.EBUSY);
  t.equal(await refusal(client.regionRead(Region.BAR0, 0, 4)), errno.EBUSY);
  t.equal(await refusal(client.reset()), errno.EBUSY);
  memory.close();
  refusing = false;
  const other = await mapGuest(client, { address: BASE, length: PAGE, share: true });
  await client.dmaUnmap(BASE, PAGE);
  other.close();
  await client.disableInterrupts(Irq.MSIX);
  t.equal(fixture.transport.openHandles, openHandles);
});

t.test('bulk data for the device survives the frame it came in', async (t) => {
  const fixture = await BridgeFixture.open(t);
  const device = await fixture.script();
  const client = await fixture.connect();
  const data = Uint8Array.from({ length: 50_000 }, (_, i) => i * 7);
  const sent = [
    client.call(
      Command.MIG_DATA_WRITE,
      { argsz: 8 + data.length, size: data.length, data },
      () => 0,
    ),
    client.regionWrite(Region.BAR4, 0, data),
    client.regionRead(Region.BAR0, 0, 4),
  ];
  await Promise.all(sent);
  for (const command of [Command.MIG_DATA_WRITE, Command.REGION_WRITE]) {
    const [body] = device.bodies(command) as { readonly data: Uint8Array }[];
    t.equal(Buffer.compare(body!.data, data), 0);
  }
});

t.test(
  'pages that the device writes are logged, unless the client itself does the writing',
  async (t) => {
    const fixture = await BridgeFixture.open(t);
    await fixture.serveBench();
    const driver = await fixture.drive();
    const { client } = driver;
    await mapGuest(client, { address: BASE, length: 64 * PAGE, share: true });
    await mapGuest(client, { address: BASE + 64 * PAGE, length: 64 * PAGE, share: false });
    const SET = 1 << 17;
    const GET = 1 << 16;
    const start = new Uint8Array(8 + 8);
    new DataView(start.buffer).setBigUint64(0, BigInt(PAGE), true);
    const ask = (flags: number, argsz: number, data: Uint8Array) =>
      client.call(Command.DEVICE_FEATURE, { argsz, flags, data }, (body) => body.data.slice());
    await ask(SET | 6, 8 + start.length, start);
    const fill = { command: register.DMA_FILL_GUEST, pattern: 1, length: 64 };
    await driver.dma({ ...fill, destination: BASE + 3 * PAGE });
    await driver.dma({ ...fill, destination: BASE + 70 * PAGE });
    const report = new Uint8Array(24);
    const view = new DataView(report.buffer);
    view.setBigUint64(0, BigInt(BASE), true);
    view.setBigUint64(8, BigInt(128 * PAGE), true);
    view.setBigUint64(16, BigInt(PAGE), true);
    const bits = (await ask(GET | 8, 8 + 24 + 16, report)).subarray(24);
    const dirty = [...bits].flatMap((byte, at) =>
      [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => byte & (1 << bit)).map((bit) => 8 * at + bit),
    );
    t.same(dirty, [3]);
  },
);
