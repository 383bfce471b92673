import { Mapping } from '@vfio-user/posix-ffi';
import t from 'tap';
import { openDescriptors, serveTestDevice } from './fixture.js';
import { failure, Gate, until } from './gate.js';
import { payloadOf } from './raw-client.js';
import { type DmaMapFields, dmaMap, dmaUnmap } from './requests.js';
import {
  DMA_MAP,
  DMA_UNMAP,
  EACCES,
  EEXIST,
  EINVAL,
  ENOENT,
  ENOSPC,
  frame,
  PAGE,
  struct,
} from './wire.js';

const TIB = 2 ** 40;
const READ = 1;
const WRITE = 2;
const MMAP = 4;
const FILE_IO = 8;

t.test('DMA_MAP refuses what makes no sense and closes what came along', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const memory = fixture.memory(4 * PAGE);
  const page = { address: 0x1000, size: PAGE };
  type Case = readonly [string, DmaMapFields, number?, number?];
  const refused: readonly Case[] = [
    ['argsz below the structure', { ...page, argsz: 31 }],
    ['an unknown flag', { ...page, flags: READ | 16 }],
    ['neither readable nor writable', { ...page, flags: 0 }],
    ['MMAP without a descriptor', { ...page, flags: READ | MMAP }],
    ['FILE_IO without a descriptor', { ...page, flags: READ | FILE_IO }],
    ['two descriptors', page, EINVAL, 2],
    ['a size of nothing', { address: 0, size: 0 }],
    ['half a page', { address: 0, size: PAGE / 2 }],
    ['an address inside a page', { address: 16, size: PAGE }],
    ['an end beyond 2^64', { address: 0xffff_ffff_ffff_f000n, size: 2 * PAGE }],
    ['a size of nearly 2^64', { address: 0, size: 0xffff_ffff_ffff_f000n }, ENOSPC],
    ['more than 8 TiB', { address: 0, size: 8 * TIB + PAGE }, ENOSPC],
    ['more than the file has', { address: 0, size: 8 * PAGE }, EINVAL, 1],
    ['an offset beyond the file', { ...page, offset: 4 * PAGE }, EINVAL, 1],
    ['an offset of nearly 2^64', { ...page, offset: 0xffff_ffff_ffff_f000n }, EINVAL, 1],
  ];
  const before = openDescriptors();
  for (const [title, fields, errno = EINVAL, descriptors = 0] of refused) {
    const fds = Array.from({ length: descriptors }, () => memory);
    t.equal(await client.refusal(DMA_MAP, dmaMap(fields), { fds }), errno, title);
  }
  const fds = [fixture.eventFd()];
  t.equal(await client.refusal(DMA_MAP, dmaMap(page), { fds }), EINVAL, 'no memory at all');
  t.equal(openDescriptors(), before + 1);
  t.equal(fixture.server.statistics().dmaMappings, 0);
  t.notMatch(fixture.device.takeCalls(), ['map']);
});

t.test('a mapped descriptor is guest memory to the device', async (t) => {
  for (const [title, mode, viewable] of [
    ['without a mode', 0, true],
    ['by mmap', MMAP, true],
    ['by file I/O', FILE_IO, false],
    ['by mmap when both are asked for', MMAP | FILE_IO, true],
  ] as const) {
    const fixture = await serveTestDevice(t);
    const { dma } = fixture.device.host;
    const client = await fixture.connected();
    const file = fixture.memory(4 * PAGE);
    const guest = Mapping.create(file, { length: 4 * PAGE, writable: true });
    const fields = { address: 0x10_0000, size: 2 * PAGE, offset: PAGE, flags: READ | WRITE | mode };
    const reply = await client.call(DMA_MAP, dmaMap(fields), { fds: [file] });
    t.equal(reply.length, 0);
    await dma.write(0x10_0010, Buffer.from('from the device'));
    const seen = Buffer.alloc(15);
    guest.read(PAGE + 0x10, seen);
    t.equal(seen.toString(), 'from the device', title);
    t.equal(dma.range(0x10_0010, 4, 'read').view !== undefined, viewable, title);
    guest.write(3 * PAGE - 9, Buffer.from('to device'));
    const got = Buffer.alloc(9);
    await dma.read(0x10_2000 - 9, got);
    t.equal(got.toString(), 'to device');
    t.equal(await failure(dma.read(0x10_2000, got)), ENOENT);
    t.equal(client.waiting, 0, 'no message was needed');
    guest.revoke();
  }
});

t.test('permissions of the mapping bind the device', async (t) => {
  const fixture = await serveTestDevice(t);
  const { dma } = fixture.device.host;
  const client = await fixture.connected();
  const file = fixture.memory(2 * PAGE);
  for (const [address, flags] of [
    [0, READ],
    [PAGE, WRITE],
  ] as const) {
    const fields = { address, size: PAGE, offset: address, flags };
    await client.call(DMA_MAP, dmaMap(fields), { fds: [file] });
  }
  const data = Buffer.alloc(4);
  await dma.read(0, data);
  await dma.write(PAGE, data);
  t.equal(await failure(dma.write(0, data)), EACCES);
  t.equal(await failure(dma.read(PAGE, data)), EACCES);
  t.equal(await failure(dma.read(PAGE - 2, data)), EACCES, 'also across the boundary');
});

t.test('no descriptor is kept open for mapped memory', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const file = fixture.memory(PAGE);
  const before = openDescriptors();
  await client.call(DMA_MAP, dmaMap({ address: 0, size: PAGE }), { fds: [file] });
  await client.call(DMA_UNMAP, dmaUnmap({ address: 0, size: PAGE }));
  t.equal(openDescriptors(), before);
});

t.test('identical to an existing mapping is fine, any other overlap is EEXIST', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const file = fixture.memory(16 * PAGE);
  const same = file.duplicate();
  const other = fixture.memory(16 * PAGE);
  const area = { address: 0xc4000, size: 4 * PAGE, offset: PAGE };
  await client.call(DMA_MAP, dmaMap(area), { fds: [file] });
  const before = openDescriptors();
  await client.call(DMA_MAP, dmaMap(area), { fds: [file] });
  await client.call(DMA_MAP, dmaMap(area), { fds: [same] });
  const clashes: readonly (readonly [string, DmaMapFields, boolean])[] = [
    ['longer', { ...area, size: 5 * PAGE }, true],
    ['shorter', { ...area, size: PAGE }, true],
    ['around it', { ...area, address: 0xc3000, size: 6 * PAGE }, true],
    ['over its end', { ...area, address: 0xc7000 }, true],
    ['at another offset', { ...area, offset: 0 }, true],
    ['with other permissions', { ...area, flags: READ }, true],
    ['without a descriptor', area, false],
  ];
  for (const [title, fields, withFile] of clashes) {
    const fds = withFile ? [file] : [];
    t.equal(await client.refusal(DMA_MAP, dmaMap(fields), { fds }), EEXIST, title);
  }
  t.equal(await client.refusal(DMA_MAP, dmaMap(area), { fds: [other] }), EEXIST, 'another file');
  t.equal(openDescriptors(), before);
  t.equal(fixture.server.statistics().dmaMappings, 1);
  await fixture.device.host.dma.write(0xc4000, Buffer.alloc(4 * PAGE, 1));
  const calls = fixture.device.takeCalls().filter((call) => call.startsWith('map'));
  t.strictSame(calls, ['map 0xc4000 16384'], 'the device is told once');
  same.close();
});

t.test('the last mapping that fits is taken, one more is refused', async (t) => {
  const fixture = await serveTestDevice(t, { limits: { maxDmaMaps: 64 } });
  const client = await fixture.connected();
  for (let i = 0; i < 64; i++) {
    await client.call(DMA_MAP, dmaMap({ address: i * PAGE, size: PAGE }));
  }
  const more = dmaMap({ address: 64 * PAGE, size: PAGE });
  t.equal(await client.refusal(DMA_MAP, more), EINVAL);
  await client.call(DMA_UNMAP, dmaUnmap({ address: 0, size: PAGE }));
  await client.call(DMA_MAP, more);
});

t.test('addresses and sizes above 32 and 53 bits are exact', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const areas = [
    { address: 0x1_0000_0000, size: 4 * 2 ** 30 },
    { address: 0x7fff_ffff_f000n, size: PAGE },
    { address: 0x20_0000_0000_1000n, size: 2 * PAGE },
    { address: 0xffff_ffff_ffff_f000n, size: PAGE },
  ];
  for (const area of areas) await client.call(DMA_MAP, dmaMap(area));
  const near = dmaUnmap({ address: 0x20_0000_0000_2000n, size: 2 * PAGE });
  t.equal(await client.refusal(DMA_UNMAP, near), ENOENT);
  for (const area of areas) await client.call(DMA_UNMAP, dmaUnmap(area));
  t.strictSame(
    fixture.device.takeCalls().filter((call) => call !== 'quiesce'),
    ['map', 'unmap'].flatMap((verb) =>
      areas.map(({ address, size }) => `${verb} 0x${address.toString(16)} ${size}`),
    ),
  );
});

t.test('requests that QEMU sends at once are all answered in order', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const file = fixture.memory(8 * PAGE);
  for (let id = 0; id < 8; id++) {
    const payload = dmaMap({ address: id * PAGE, size: PAGE, offset: id * PAGE });
    await client.send(frame(DMA_MAP, payload, { id }), [file]);
  }
  for (let id = 0; id < 8; id++) payloadOf(await client.reply(DMA_MAP, id));
  const unmaps = Array.from({ length: 8 }, (_, id) =>
    frame(DMA_UNMAP, dmaUnmap({ address: id * PAGE, size: PAGE }), { id }),
  );
  await client.send(struct(...unmaps));
  for (let id = 0; id < 8; id++) payloadOf(await client.reply(DMA_UNMAP, id));
});

t.test('mappings and descriptors of a client that left are gone for the next one', async (t) => {
  const fixture = await serveTestDevice(t);
  const file = fixture.memory(PAGE);
  const before = openDescriptors();
  for (let i = 0; i < 3; i++) {
    const client = await fixture.connected();
    const payload = dmaMap({ address: 0, size: PAGE, flags: READ | WRITE | FILE_IO });
    await client.call(DMA_MAP, payload, { fds: [file] });
    client.close();
    await fixture.idle();
    t.equal(await failure(fixture.device.host.dma.read(0, Buffer.alloc(1))), ENOENT);
  }
  t.equal(openDescriptors(), before);
});

t.test('a client that left while the device became quiet has mapped nothing', async (t) => {
  const fixture = await serveTestDevice(t);
  const gate = new Gate();
  const client = await fixture.connected();
  const file = fixture.memory(PAGE);
  const before = openDescriptors();
  fixture.device.onQuiesce = () => gate.passed;
  const page = dmaMap({ address: 0, size: PAGE });
  await client.send(frame(DMA_MAP, page, { id: 1 }), [file]);
  await client.send(frame(DMA_MAP, dmaMap({ address: PAGE, size: PAGE }), { id: 2 }), [file]);
  const calls: string[] = [];
  const seen = (wanted: number): boolean => {
    calls.push(...fixture.device.takeCalls());
    return calls.length >= wanted;
  };
  await until(() => seen(1), 'the device is asked to be quiet');
  client.close();
  await until(() => seen(2), 'the server notices that the client left');
  gate.open();
  await fixture.idle();
  seen(0);
  t.strictSame(calls, ['quiesce', 'quiesce', 'reset connection-lost']);
  t.equal(fixture.server.statistics().dmaMappings, 0);
  t.equal(
    openDescriptors(),
    before - 2,
    'also those of waiting requests, and both ends of the connection',
  );
});
