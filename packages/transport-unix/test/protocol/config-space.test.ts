import { EventFdReader } from '@vfio-user/posix-ffi';
import t, { type Test } from 'tap';
import { type Fixture, serveTestDevice } from './fixture.js';
import type { RawClient } from './raw-client.js';
import { ACTION_TRIGGER, DATA_EVENTFD, regionRead, regionWrite, setIrqs } from './requests.js';
import { EVENTS_BAR, LARGE_BYTES } from './test-device.js';
import {
  CONFIG,
  DEVICE_SET_IRQS,
  EINVAL,
  MSIX,
  REGION_READ,
  REGION_WRITE,
  u16,
  u32,
} from './wire.js';

const COMMAND = 0x04;
const STATUS = 0x06;
const BAR0 = 0x10;

const POWER_MANAGEMENT = 0x01;
const MSI_CAPABILITY = 0x05;
const PCI_EXPRESS = 0x10;
const MSIX_CAPABILITY = 0x11;

/** The configuration space of a client of its own. */
class Config {
  readonly fixture: Fixture;
  readonly client: RawClient;

  constructor(fixture: Fixture, client: RawClient) {
    this.fixture = fixture;
    this.client = client;
  }

  async bytes(offset: number, count: number): Promise<Buffer> {
    return (await this.client.call(REGION_READ, regionRead(CONFIG, offset, count))).subarray(16);
  }

  async read(offset: number, count: 1 | 2 | 4): Promise<number> {
    return (await this.bytes(offset, count)).readUIntLE(0, count);
  }

  async write(offset: number, data: Uint8Array): Promise<void> {
    await this.client.call(REGION_WRITE, regionWrite(CONFIG, offset, data));
  }

  /** Ids of the capability list with their places, in the order of the list. */
  async capabilities(): Promise<ReadonlyMap<number, number>> {
    const found = new Map<number, number>();
    for (let at = await this.read(0x34, 1); at !== 0; at = await this.read(at + 1, 1)) {
      found.set(await this.read(at, 1), at);
    }
    return found;
  }

  async find(id: number): Promise<number> {
    const at = (await this.capabilities()).get(id);
    if (at === undefined) throw new Error(`no capability ${id}`);
    return at;
  }
}

async function configSpace(t: Test, express = true): Promise<Config> {
  const fixture = await serveTestDevice(t, { device: { express } });
  return new Config(fixture, await fixture.connected());
}

t.test('the header says what the device is', async (t) => {
  const config = await configSpace(t);
  t.equal(await config.read(0x00, 2), 0x1234, 'vendor');
  t.equal(await config.read(0x02, 2), 0x5678, 'device');
  t.equal((await config.read(0x08, 4)) >>> 8, 0xff0000, 'class');
  t.equal(await config.read(0x0e, 1), 0, 'header type');
  t.equal(await config.read(0x3d, 1), 1, 'interrupt pin A');
  t.equal((await config.read(STATUS, 2)) & 0x10, 0x10, 'there is a capability list');
});

t.test('the space ends at 256 bytes, or at 4096 with PCI Express', async (t) => {
  for (const [express, size] of [
    [false, 256],
    [true, 4096],
  ] as const) {
    const { client } = await configSpace(t, express);
    t.equal((await client.call(REGION_READ, regionRead(CONFIG, 0, size))).length, 16 + size);
    t.equal(await client.refusal(REGION_READ, regionRead(CONFIG, size - 2, 4)), EINVAL);
    t.equal(await client.refusal(REGION_WRITE, regionWrite(CONFIG, size, Buffer.alloc(1))), EINVAL);
  }
});

t.test('writing all-ones to a BAR and reading it back gives its size', async (t) => {
  const config = await configSpace(t);
  const sizes = [4096, 0x4000, undefined, undefined, 4096, 0x2_0000];
  for (let bar = 0; bar < 6; bar++) {
    const size = sizes[bar];
    if (size === undefined) continue;
    const offset = BAR0 + 4 * bar;
    const address = u32((0xe000_0000 + size * 3) & ~(size - 1) & 0x7fff_ffff);
    await config.write(offset, address);
    await config.write(offset, u32(0xffff_ffff));
    t.equal(await config.read(offset, 4), (0x1_0000_0000 - size) >>> 0, `BAR${bar}`);
    await config.write(offset, address);
    t.strictSame(await config.bytes(offset, 4), address, 'the old address is taken again');
  }
});

t.test('a 64-bit BAR of 8 GiB is sized over both registers', async (t) => {
  const config = await configSpace(t);
  const low = BAR0 + 8;
  t.equal((await config.read(low, 4)) & 0xf, 4, '64-bit memory');
  await config.write(low, u32(0xffff_ffff));
  await config.write(low + 4, u32(0xffff_ffff));
  const mask = (await config.bytes(low, 8)).readBigUInt64LE() & ~0xfn;
  t.equal(BigInt.asUintN(64, -mask), BigInt(LARGE_BYTES));
});

t.test('the capabilities are linked in order', async (t) => {
  const express = await configSpace(t);
  const expressIds = [PCI_EXPRESS, POWER_MANAGEMENT, MSI_CAPABILITY, MSIX_CAPABILITY];
  t.strictSame([...(await express.capabilities()).keys()], expressIds);
  const places = [...(await express.capabilities()).values()];
  t.equal(places[0], 0x40);
  t.ok(places.every((place) => place % 4 === 0));
  t.equal(await express.read(0x100, 4), 0x0001_0003, 'serial number, version 1, the last one');
  t.equal((await express.bytes(0x104, 8)).readBigUInt64LE(), 0x1122_3344_5566_7788n);
  const conventional = await configSpace(t, false);
  const ids = [POWER_MANAGEMENT, MSI_CAPABILITY, MSIX_CAPABILITY];
  t.strictSame([...(await conventional.capabilities()).keys()], ids);
});

t.test('writes to what is read-only are accepted and change nothing, as in hardware', async (t) => {
  const config = await configSpace(t);
  const before = await config.bytes(0, 0x40);
  for (const [offset, length] of [
    [0x00, 4],
    [0x02, 1],
    [0x08, 4],
    [0x0e, 2],
    [0x2c, 4],
    [0x34, 4],
    [0x3d, 1],
  ] as const) {
    await config.write(offset, Buffer.alloc(length, 0xff));
  }
  t.strictSame(await config.bytes(0, 0x40), before);
  for (const at of (await config.capabilities()).values()) {
    const header = await config.bytes(at, 2);
    await config.write(at, Buffer.from([0xff, 0xff]));
    t.strictSame(await config.bytes(at, 2), header);
  }
  const extended = await config.bytes(0x100, 12);
  await config.write(0x100, Buffer.alloc(12, 0xff));
  t.strictSame(await config.bytes(0x100, 12), extended);
  await config.write(0x800, Buffer.alloc(4, 0xff));
  t.equal(await config.read(0x800, 4), 0, 'where nothing is');
});

t.test('of the command register only what exists is taken', async (t) => {
  const config = await configSpace(t);
  await config.write(COMMAND, u16(0xffff));
  t.equal(await config.read(COMMAND, 2), 0x0547);
  await config.write(COMMAND, u32(0x0000_0006));
  t.equal(await config.read(COMMAND, 2), 0x0006, 'four bytes at once, status included');
  await config.write(COMMAND + 1, Buffer.from([0x04]));
  t.equal(await config.read(COMMAND, 2), 0x0406, 'its upper byte alone');
});

t.test('an access across registers and capabilities is one access', async (t) => {
  const config = await configSpace(t);
  const whole = await config.bytes(0, 256);
  for (const [offset, length] of [
    [0, 256],
    [0x3d, 7],
    [0x0f, 2],
    [0x41, 3],
  ] as const) {
    t.strictSame(await config.bytes(offset, length), whole.subarray(offset, offset + length));
  }
  await config.write(0x3c, Buffer.from([0x0b, 0xff, 0xff, 0xff, 0xff, 0xff]));
  t.equal(await config.read(0x3c, 1), 0x0b, 'interrupt line');
  t.strictSame((await config.bytes(0x3d, 5))[0], 1);
});

t.test('power management moves between the states the function has', async (t) => {
  const config = await configSpace(t);
  const at = await config.find(POWER_MANAGEMENT);
  const capabilities = await config.read(at + 2, 2);
  await config.write(at + 2, u16(0xffff));
  t.equal(await config.read(at + 2, 2), capabilities);
  await config.write(at + 4, u16(3));
  t.equal((await config.read(at + 4, 2)) & 3, 3, 'D3hot');
  await config.write(at + 4, u16(1));
  t.equal((await config.read(at + 4, 2)) & 3, 3, 'there is no D1');
  await config.write(at + 4, Buffer.from([0]));
  t.equal((await config.read(at + 4, 2)) & 3, 0, 'D0');
});

t.test('MSI grants no more vectors than there are', async (t) => {
  const config = await configSpace(t);
  const at = (await config.find(MSI_CAPABILITY)) + 2;
  const fixed = await config.read(at, 2);
  t.equal((fixed >> 1) & 7, 2, 'four vectors');
  await config.write(at, u16((2 << 4) | 1));
  t.equal(await config.read(at, 2), fixed | (2 << 4) | 1);
  await config.write(at, u16((7 << 4) | 1));
  t.equal(((await config.read(at, 2)) >> 4) & 7, 2);
  await config.write(at, u16(0));
  t.equal(await config.read(at, 2), fixed);
});

t.test('MSI-X control keeps enable and function mask only, also by its upper byte', async (t) => {
  const config = await configSpace(t);
  const at = (await config.find(MSIX_CAPABILITY)) + 2;
  t.equal(await config.read(at, 2), 2047, 'table size');
  await config.write(at, u16(0xffff));
  t.equal(await config.read(at, 2), 0xc7ff);
  await config.write(at, u16(0));
  t.equal(await config.read(at, 2), 2047);
  await config.write(at + 1, Buffer.from([0x80]));
  t.equal(await config.read(at, 2), 0x87ff);
  await config.write(at + 1, u16(0x0080));
  t.equal(await config.read(at, 2), 0x87ff, 'two bytes at an odd offset');
  await config.write(at + 2, Buffer.from([0]));
  t.equal(await config.read(at, 2), 0x87ff);
});

t.test('device control 2 and link control 2 hold what is written', async (t) => {
  const config = await configSpace(t);
  const at = await config.find(PCI_EXPRESS);
  for (const offset of [0x28, 0x30]) {
    await config.write(at + offset, u16(0x0005));
    t.equal(await config.read(at + offset, 2), 0x0005);
  }
});

t.test('a vector that the driver masked in the table waits in the pending bits', async (t) => {
  const config = await configSpace(t);
  const { client, fixture } = config;
  const fd = fixture.eventFd();
  const wiring = { index: MSIX, flags: DATA_EVENTFD | ACTION_TRIGGER, count: 1 };
  await client.call(DEVICE_SET_IRQS, setIrqs(wiring), { fds: [fd] });
  await config.write((await config.find(MSIX_CAPABILITY)) + 2, u16(0x8000));
  const maskBit = 0x1_0000 + 12;
  const pendingBits = 0x1_0000 + 2048 * 16;
  const pending = async (): Promise<number | undefined> =>
    (await client.call(REGION_READ, regionRead(EVENTS_BAR, pendingBits, 1)))[16];
  await client.call(REGION_WRITE, regionWrite(EVENTS_BAR, maskBit, u32(1)));
  fixture.device.host.interrupts.raise(0);
  t.equal(await pending(), 1);
  await client.call(REGION_WRITE, regionWrite(EVENTS_BAR, maskBit, u32(0)));
  t.equal(await pending(), 0);
  t.equal(new EventFdReader(fd).read(), 1);
});
