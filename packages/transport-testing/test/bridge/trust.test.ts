import { Command, ExtensionCommand, errno, Irq, Region } from '@vfio-user/core';
import { call, type RequestBodies } from '@vfio-user/core/internal';
import t from 'tap';
import { bytesIn } from '../../src/compliance/session/test-device-session.js';
import { BridgeFixture, eventually, PORTABLE } from './bridge-fixture.js';
import { refusal } from './scripted-device.js';

type SetIrqs = RequestBodies[typeof Command.DEVICE_SET_IRQS];

const BASE = 0x1000_0000;
const PAGE = 4096;

for (const [how, share] of [
  ['shares', true],
  ['keeps to itself', false],
] as const) {
  t.test(`a device gets at no more than was mapped of memory its client ${how}`, async (t) => {
    const fixture = await BridgeFixture.open(t);
    const device = await fixture.script();
    const client = await fixture.connect();
    const guest = client.allocateMemory(4 * PAGE);
    const part = { memory: guest, length: PAGE, share };
    await client.dmaMap({ ...part, address: BASE, offset: PAGE, writable: false });
    await client.dmaMap({ ...part, address: BASE + PAGE, offset: 2 * PAGE, readable: false });
    const data = new Uint8Array(64).fill(0xee);
    t.equal(await device.read(BASE, PAGE), 0, 'a read that is allowed');
    t.equal(await device.write(BASE + PAGE, data), 0, 'a write that is allowed');
    t.equal(await device.write(BASE, data), errno.EACCES, 'a write to read-only memory');
    t.equal(await device.write(BASE + PAGE - 32, data), errno.EACCES, 'half of it is read-only');
    t.equal(await device.read(BASE + PAGE, 64), errno.EACCES, 'a read of write-only memory');
    t.equal(await device.read(BASE - 64, 128), errno.ENOENT, 'in front of it');
    t.equal(await device.write(BASE + 2 * PAGE - 32, data), errno.ENOENT, 'beyond the end');
    t.equal(
      await device.write(0xffff_ffff_ffff_ffe0n, data),
      errno.ENOENT,
      'around the end of all',
    );
    t.not(await device.read(BASE, 2 ** 20 + 1), 0, 'more than a message carries');
    t.same(bytesIn(guest, 2 * PAGE, 64), data);
    for (const page of [0, 1, 3]) {
      t.ok(
        bytesIn(guest, page * PAGE, PAGE).every((byte) => byte === 0),
        `page ${page}`,
      );
    }
    t.same(bytesIn(guest, 3 * PAGE - 32, 32), new Uint8Array(32), 'no half of a write was done');
    await client.dmaUnmap(BASE + PAGE, PAGE);
    t.equal(await device.write(BASE + PAGE, new Uint8Array(64)), errno.ENOENT, 'unmapped');
    t.same(bytesIn(guest, 2 * PAGE, 64), data);
    t.same(await client.regionRead(Region.BAR0, 0, 2), new Uint8Array(2), 'the session lives');
  });
}

t.test('a completion behind data that could not be written does not reach the guest', async (t) => {
  const fixture = await BridgeFixture.open(t);
  const device = await fixture.script();
  const client = await fixture.connect();
  const guest = client.allocateMemory(PAGE);
  await client.dmaMap({ memory: guest, length: PAGE, address: BASE, offset: 0 });
  const asked = () => device.bodies(Command.DEVICE_GET_INFO).length;
  const askedBefore = asked();
  const [data, completion] = [
    device.write(BASE - 64, new Uint8Array(64)),
    device.write(BASE, new Uint8Array(16).fill(1)),
  ];
  t.equal(await data, errno.ENOENT);
  t.equal(await completion, errno.ECANCELED);
  t.same(bytesIn(guest, 0, 16), new Uint8Array(16));
  await device.until(() => asked() > askedBefore, 'the question');
  t.equal(await device.write(BASE, new Uint8Array(16).fill(2)), 0, 'the device knows');
  t.same(bytesIn(guest, 0, 16), new Uint8Array(16).fill(2));
});

t.test('a device that asks for memory before there is any is refused', async (t) => {
  const fixture = await BridgeFixture.open(t);
  const refusals: Promise<number>[] = [];
  const device = await fixture.script(({ command }) => {
    if (command === Command.VERSION) refusals.push(device.read(0, 4));
    return false;
  });
  const client = await fixture.connect();
  t.same(await Promise.all(refusals), [errno.ENOENT]);
  t.same(await client.regionRead(Region.BAR0, 0, 1), new Uint8Array(1));
});

t.test('interrupts that nobody asked for go nowhere', async (t) => {
  const fixture = await BridgeFixture.open(t);
  const device = await fixture.script();
  const client = await fixture.connect();
  const signals: number[] = [];
  await client.enableInterrupts(Irq.MSIX, 2, (_, count) => void signals.push(count));
  const raise = (index: number, vector: number, count: number) =>
    device.peer.post(ExtensionCommand.INTERRUPT, { index, vector, count });
  raise(Irq.MSI, 0, 1);
  raise(Irq.MSIX, 2, 1);
  raise(0xffff_ffff, 0xffff_ffff, 0xffff_ffff);
  raise(Irq.MSIX, 0, 0);
  raise(Irq.MSIX, 1, 3);
  await eventually(() => signals.length > 0);
  await client.regionRead(Region.BAR0, 0, 1);
  t.same(signals, [3]);
});

t.test('a request that is none to a client is refused, and the session lives', async (t) => {
  const fixture = await BridgeFixture.open(t);
  const device = await fixture.script();
  const client = await fixture.connect();
  const asked = call(device.peer, Command.DEVICE_RESET, undefined, () => undefined);
  t.equal(await refusal(asked), errno.EINVAL);
  t.same(await client.regionRead(Region.BAR0, 0, 1), new Uint8Array(1));
});

t.test('a client cannot make the bridge remember interrupts that do not exist', async (t) => {
  const fixture = await BridgeFixture.open(t, { near: PORTABLE });
  const device = await fixture.script();
  const client = await fixture.connect();
  await device.vanish();
  const assign = { argsz: 20, flags: 0x24, start: 0, count: 1, events: 1 };
  const ask = (body: SetIrqs) => client.call(Command.DEVICE_SET_IRQS, body, () => undefined);
  await ask({ ...assign, index: Irq.MSIX });
  for (const wrong of [{ index: 5 }, { index: Irq.MSIX, start: 2048 }, { index: 2, count: 2049 }]) {
    t.equal(await refusal(ask({ ...assign, ...wrong })), errno.EINVAL);
  }
});
