import { Mapping } from '@vfio-user/posix-ffi';
import t from 'tap';
import { openDescriptors, serveTestDevice } from './fixture.js';
import { failure, Gate, until } from './gate.js';
import type { RawClient } from './raw-client.js';
import {
  DMA_LOGGING_START,
  deviceFeature,
  dmaMap,
  dmaUnmap,
  dmaUnmapWithBitmap,
  FEATURE_SET,
  regionRead,
} from './requests.js';
import {
  DEVICE_FEATURE,
  DMA_MAP,
  DMA_READ,
  DMA_UNMAP,
  ECANCELED,
  EINVAL,
  ENOENT,
  frame,
  MIB,
  PAGE,
  REGION_READ,
  struct,
  u32,
  u64,
} from './wire.js';

const ALL = 2;

async function mapPages(client: RawClient, first: number, count: number): Promise<void> {
  for (let page = first; page < first + count; page++) {
    await client.call(DMA_MAP, dmaMap({ address: page * PAGE, size: PAGE }));
  }
}

t.test('DMA_UNMAP refuses what makes no sense, and nothing is unmapped', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  await mapPages(client, 0, 1);
  const page = { address: 0, size: PAGE };
  const refused: readonly (readonly [title: string, payload: Buffer])[] = [
    ['a short payload', dmaUnmap(page).subarray(0, 8)],
    ['argsz below the structure', dmaUnmap({ ...page, argsz: 8 })],
    ['argsz above the largest transfer', dmaUnmap({ ...page, argsz: MIB + 8 })],
    ['an unknown flag', dmaUnmap({ ...page, flags: 4 })],
    ['ALL with a size', dmaUnmap({ ...page, flags: ALL })],
    ['ALL with an address', dmaUnmap({ address: PAGE, size: 0, flags: ALL })],
    ['ALL with a bitmap', dmaUnmapWithBitmap({ address: 0, size: 0, flags: 3 }, PAGE, 8)],
    ['a bitmap that is not described', dmaUnmap({ ...page, flags: 1 })],
    ['a bitmap while nothing is logged', dmaUnmapWithBitmap({ ...page, argsz: 48 }, PAGE, 8)],
    ['a bitmap of nearly 2^64', dmaUnmapWithBitmap({ ...page, argsz: 48 }, PAGE, 2n ** 64n - 8n)],
  ];
  for (const [title, payload] of refused) {
    t.equal(await client.refusal(DMA_UNMAP, payload), EINVAL, title);
  }
  t.equal(fixture.server.statistics().dmaMappings, 1);
});

t.test('an exact range is unmapped, and the reply echoes the request', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  await mapPages(client, 0, 2);
  for (const [address, argsz] of [
    [0, 24],
    [PAGE, MIB],
  ] as const) {
    const payload = dmaUnmap({ address, size: PAGE, argsz });
    t.strictSame(await client.call(DMA_UNMAP, payload), payload);
  }
  t.equal(fixture.server.statistics().dmaMappings, 0);
});

t.test('anything but an exact range is ENOENT, with an error reply that is a header', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  await client.call(DMA_MAP, dmaMap({ address: PAGE, size: 4 * PAGE }));
  for (const [address, size] of [
    [9 * PAGE, PAGE],
    [PAGE, PAGE],
    [PAGE, 5 * PAGE],
    [2 * PAGE, 3 * PAGE],
    [0, 5 * PAGE],
    [PAGE, 0],
  ] as const) {
    t.equal(await client.refusal(DMA_UNMAP, dmaUnmap({ address, size })), ENOENT);
  }
  t.equal(fixture.server.statistics().dmaMappings, 1);
});

t.test('ALL unmaps everything, also nothing', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  await mapPages(client, 0, 64);
  const all = dmaUnmap({ address: 0, size: 0, flags: ALL });
  t.strictSame(await client.call(DMA_UNMAP, all), all);
  t.equal(fixture.server.statistics().dmaMappings, 0);
  await client.call(DMA_UNMAP, all);
  await mapPages(client, 0, 1);
});

t.test('the payload is consumed: what follows is understood', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  await mapPages(client, 0, 1);
  await client.send(
    struct(
      frame(DMA_UNMAP, dmaUnmap({ address: 0, size: PAGE }), { id: 1 }),
      frame(REGION_READ, regionRead(0, 0, 4), { id: 2 }),
    ),
  );
  t.equal((await client.reply(DMA_UNMAP, 1)).payload.length, 24);
  t.equal((await client.reply(REGION_READ, 2)).payload.length, 20);
});

t.test('a descriptor attached to DMA_UNMAP, as SPDK does, is closed', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const file = fixture.memory(PAGE);
  const before = openDescriptors();
  await client.call(DMA_MAP, dmaMap({ address: 0, size: PAGE }), { fds: [file] });
  await client.call(DMA_UNMAP, dmaUnmap({ address: 0, size: PAGE }), { fds: [file] });
  t.equal(openDescriptors(), before);
});

t.test('once it is answered the memory is out of reach, also through an old view', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const file = fixture.memory(PAGE);
  const guest = Mapping.create(file, { length: PAGE, writable: true });
  await client.call(DMA_MAP, dmaMap({ address: 0, size: PAGE }), { fds: [file] });
  const view = fixture.device.host.dma.range(0, 4, 'readwrite').view;
  if (view === undefined) throw new Error('no view');
  view.set([1, 2, 3, 4]);
  await client.call(DMA_UNMAP, dmaUnmap({ address: 0, size: PAGE }));
  view.set([5, 6, 7, 8]);
  const seen = Buffer.alloc(4);
  guest.read(0, seen);
  t.strictSame([...seen], [1, 2, 3, 4]);
  t.equal(await failure(fixture.device.host.dma.read(0, seen)), ENOENT);
  guest.revoke();
});

t.test('the reply waits until the device is quiet', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  await mapPages(client, 0, 1);
  const gate = new Gate();
  fixture.device.onQuiesce = () => gate.passed;
  fixture.device.takeCalls();
  await client.send(frame(DMA_UNMAP, dmaUnmap({ address: 0, size: PAGE }), { id: 9 }));
  await until(() => fixture.device.takeCalls().includes('quiesce'), 'quiesce');
  t.equal(client.waiting, 0);
  t.equal(fixture.server.statistics().dmaMappings, 1);
  gate.open();
  await client.reply(DMA_UNMAP, 9);
  t.strictSame(fixture.device.takeCalls(), ['unmap 0x0 4096']);
});

t.test('a transfer by message that is under way fails before the reply', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  await mapPages(client, 0, 1);
  const transfer = fixture.device.host.dma.read(0, Buffer.alloc(8));
  const outcome = failure(transfer);
  const asked = await client.receive();
  t.equal(asked.command, DMA_READ);
  await client.call(DMA_UNMAP, dmaUnmap({ address: 0, size: PAGE }), { id: asked.id });
  t.equal(await outcome, ECANCELED);
  const late = struct(u64(0), u64(8), Buffer.alloc(8));
  await client.send(frame(DMA_READ, late, { id: asked.id, flags: 1 }));
  t.equal((await client.call(REGION_READ, regionRead(0, 0, 4))).length, 20, 'ignored');
});

t.test('the dirty pages of what is unmapped come along', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const file = fixture.memory(16 * PAGE);
  await client.call(DMA_MAP, dmaMap({ address: 0, size: 10 * PAGE }), { fds: [file] });
  const start = struct(u64(PAGE), u32(0), u32(0));
  await client.call(DEVICE_FEATURE, deviceFeature(FEATURE_SET | DMA_LOGGING_START, start));
  for (const page of [0, 6, 7, 8, 9]) {
    await fixture.device.host.dma.write(page * PAGE, Buffer.alloc(1));
  }
  const fields = { address: 0, size: 10 * PAGE };
  const tooSmall = dmaUnmapWithBitmap({ ...fields, argsz: 47 }, PAGE, 8);
  t.equal(await client.refusal(DMA_UNMAP, tooSmall), EINVAL);
  const odd = dmaUnmapWithBitmap({ ...fields, argsz: 48 }, 3000, 8);
  t.equal(await client.refusal(DMA_UNMAP, odd), EINVAL);
  const request = dmaUnmapWithBitmap({ ...fields, argsz: 48 }, PAGE, 8);
  const reply = await client.call(DMA_UNMAP, request);
  t.strictSame(reply.subarray(0, 40), request);
  t.equal(reply.length, 48);
  t.equal(reply.readBigUInt64LE(40), 0b1111000001n);
  t.equal(fixture.server.statistics().dmaMappings, 0);
});

t.test('the device is told of one mapping and of one unmapping', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  await mapPages(client, 1, 1);
  await client.call(DMA_UNMAP, dmaUnmap({ address: PAGE, size: PAGE }));
  t.strictSame(fixture.device.takeCalls(), [
    'quiesce',
    'map 0x1000 4096',
    'quiesce',
    'unmap 0x1000 4096',
  ]);
});
