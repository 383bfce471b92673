import t, { type Test } from 'tap';
import { type Fixture, serveTestDevice } from './fixture.js';
import type { RawClient } from './raw-client.js';
import {
  DMA_LOGGING_REPORT,
  DMA_LOGGING_START,
  DMA_LOGGING_STOP,
  deviceFeature,
  dmaMap,
  dmaUnmap,
  FEATURE_GET,
  FEATURE_SET,
} from './requests.js';
import {
  DEVICE_FEATURE,
  DMA_MAP,
  DMA_UNMAP,
  EINVAL,
  ENOENT,
  frame,
  PAGE,
  REPLY,
  struct,
  u32,
  u64,
} from './wire.js';

const START = FEATURE_SET | DMA_LOGGING_START;
const STOP = FEATURE_SET | DMA_LOGGING_STOP;
const REPORT = FEATURE_GET | DMA_LOGGING_REPORT;

const BASE = 0x10_0000;
const PAGES = 64;

function start(pageBytes: number | bigint, ranges: readonly Buffer[] = []): Buffer {
  return deviceFeature(START, struct(u64(pageBytes), u32(ranges.length), u32(0), ...ranges));
}

interface ReportFields {
  readonly iova?: number;
  readonly length?: number | bigint;
  readonly pageBytes?: number;
  readonly room?: number;
}

function report(fields: ReportFields = {}): Buffer {
  const { iova = BASE, length = PAGES * PAGE, pageBytes = PAGE, room = 8 } = fields;
  return deviceFeature(REPORT, struct(u64(iova), u64(length), u64(pageBytes)), 8 + 24 + room);
}

/** 64 pages in shared memory, logged from now on. */
async function logging(t: Test) {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const file = fixture.memory(PAGES * PAGE);
  await client.call(DMA_MAP, dmaMap({ address: BASE, size: PAGES * PAGE }), { fds: [file] });
  await client.call(DEVICE_FEATURE, start(PAGE));
  return { fixture, client, dma: fixture.device.host.dma };
}

async function bitmap(client: RawClient, fields: ReportFields = {}): Promise<bigint> {
  const request = report(fields);
  const reply = await client.call(DEVICE_FEATURE, request);
  if (!reply.subarray(8, 32).equals(request.subarray(8, 32))) throw new Error('no echo');
  return reply.readBigUInt64LE(32);
}

async function dirty({ device }: Fixture, page: number): Promise<void> {
  await device.host.dma.write(BASE + page * PAGE + 17, Buffer.alloc(3));
}

t.test('DMA_LOGGING_START refuses page sizes that are none and requests cut short', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  const range = struct(u64(0), u64(PAGE));
  const noRoom = deviceFeature(START, struct(u64(PAGE), u32(2), u32(0), range));
  for (const payload of [
    start(0),
    start(3000),
    deviceFeature(START, u64(PAGE)),
    noRoom,
    deviceFeature(START, struct(u64(PAGE), u32(0xffff_ffff), u32(0))),
  ]) {
    t.equal(await client.refusal(DEVICE_FEATURE, payload), EINVAL);
  }
  await client.call(DEVICE_FEATURE, start(PAGE, [range]));
});

t.test('starting again is fine with the same page size only', async (t) => {
  const { client } = await logging(t);
  await client.call(DEVICE_FEATURE, start(PAGE));
  t.equal(await client.refusal(DEVICE_FEATURE, start(PAGE / 2)), EINVAL);
  t.equal(await client.refusal(DEVICE_FEATURE, start(PAGE * 2)), EINVAL);
  await client.call(DEVICE_FEATURE, deviceFeature(STOP, Buffer.alloc(16)));
  await client.call(DEVICE_FEATURE, start(PAGE * 2));
});

t.test('nothing is dirty at first, and nothing is known without logging', async (t) => {
  const { client, fixture } = await logging(t);
  t.equal(await bitmap(client), 0n);
  await dirty(fixture, 1);
  await client.call(DEVICE_FEATURE, deviceFeature(STOP, Buffer.alloc(0)));
  t.equal(await client.refusal(DEVICE_FEATURE, report()), EINVAL);
  await client.call(DEVICE_FEATURE, start(PAGE));
  t.equal(await bitmap(client), 0n);
});

t.test('writes make pages dirty, reads do not', async (t) => {
  const { client, fixture, dma } = await logging(t);
  await dma.read(BASE, Buffer.alloc(PAGE));
  dma.range(BASE, 100, 'read').view;
  t.equal(await bitmap(client), 0n);
  dma.range(BASE + 5 * PAGE, 100, 'readwrite').view;
  for (const page of [0, 6, 7, 8, 9]) await dirty(fixture, page);
  t.equal(await bitmap(client), 0b11_1110_0001n);
});

t.test('a report clears what it reports, and writes in between add up', async (t) => {
  const { client, fixture } = await logging(t);
  await dirty(fixture, 3);
  t.equal(await bitmap(client), 1n << 3n);
  t.equal(await bitmap(client), 0n);
  for (const page of [3, 4, 3, 63]) await dirty(fixture, page);
  t.equal(await bitmap(client), (1n << 3n) | (1n << 4n) | (1n << 63n));
});

t.test('every bit stands for its own page', async (t) => {
  const { client, dma } = await logging(t);
  for (const [first, count] of [
    [0, 1],
    [7, 1],
    [0, 7],
    [0, 8],
    [0, 9],
    [6, 4],
    [15, 1],
    [23, 1],
    [0, 64],
  ] as const) {
    await dma.write(BASE + first * PAGE, Buffer.alloc(count * PAGE));
    t.equal(await bitmap(client), ((1n << BigInt(count)) - 1n) << BigInt(first));
  }
});

t.test('a report may use another page size than logging does', async (t) => {
  const { client, fixture } = await logging(t);
  const pages = [0, 3, 9];
  const all = async (): Promise<void> => {
    for (const page of pages) await dirty(fixture, page);
  };
  await all();
  const halves = await bitmap(client, { pageBytes: PAGE / 2, room: 16 });
  t.equal(halves, 0b11_00_00_00_00_00_11_00_00_11n);
  await all();
  t.equal(await bitmap(client, { pageBytes: PAGE * 2 }), 0b10011n);
  await all();
  t.equal(await bitmap(client, { pageBytes: PAGE * 16 }), 0b1n);
});

t.test('any part of what is mapped can be reported', async (t) => {
  const { client, fixture } = await logging(t);
  for (const page of [1, 2, 40]) await dirty(fixture, page);
  const part = { iova: BASE + 2 * PAGE, length: 8 * PAGE };
  t.equal(await bitmap(client, part), 1n);
  t.equal(await bitmap(client), (1n << 1n) | (1n << 40n), 'the rest is still to be told');
  t.equal(await client.refusal(DEVICE_FEATURE, report({ length: 65 * PAGE, room: 16 })), ENOENT);
  t.equal(await client.refusal(DEVICE_FEATURE, report({ iova: 0 })), ENOENT);
});

t.test('a report that makes no sense is refused', async (t) => {
  const { client } = await logging(t);
  for (const fields of [
    { room: 7 },
    { room: 0 },
    { pageBytes: 0 },
    { pageBytes: 3000 },
    { length: PAGE, pageBytes: 2 * PAGE },
    { length: 0 },
    { length: 100 },
    { iova: BASE + 100, length: PAGE },
    { length: 0xffff_ffff_ffff_f000n, room: 0x10_0000 },
  ]) {
    t.equal(
      await client.refusal(DEVICE_FEATURE, report(fields)),
      EINVAL,
      JSON.stringify(fields, text),
    );
  }
  const short = deviceFeature(REPORT, Buffer.alloc(23), 1000);
  t.equal(await client.refusal(DEVICE_FEATURE, short), EINVAL);
});

t.test('memory that is reached by messages reports clean pages', async (t) => {
  const { client, dma } = await logging(t);
  await client.call(DMA_MAP, dmaMap({ address: 0, size: PAGE }));
  const written = dma.write(0, Buffer.alloc(4));
  const { id, command, payload } = await client.receive();
  await client.send(frame(command, payload.subarray(0, 16), { id, flags: REPLY }));
  await written;
  t.equal(await bitmap(client, { iova: 0, length: PAGE }), 0n);
});

t.test('what is unmapped is forgotten, the rest is not', async (t) => {
  const { client, fixture } = await logging(t);
  const file = fixture.memory(PAGE);
  const other = { address: 0, size: PAGE };
  await client.call(DMA_MAP, dmaMap(other), { fds: [file] });
  await fixture.device.host.dma.write(0, Buffer.alloc(1));
  await dirty(fixture, 2);
  await client.call(DMA_UNMAP, dmaUnmap(other));
  const gone = { iova: 0, length: PAGE };
  t.equal(await client.refusal(DEVICE_FEATURE, report(gone)), ENOENT);
  await client.call(DMA_MAP, dmaMap(other), { fds: [file] });
  t.equal(await bitmap(client, gone), 0n);
  t.equal(await bitmap(client), 1n << 2n);
});

t.test('a client that leaves without stopping takes the log with it', async (t) => {
  const { client, fixture } = await logging(t);
  client.close();
  const next = await fixture.connected();
  await next.call(DMA_MAP, dmaMap({ address: BASE, size: PAGES * PAGE }));
  t.equal(await next.refusal(DEVICE_FEATURE, report()), EINVAL);
  await next.call(DEVICE_FEATURE, start(2 * PAGE));
});

function text(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}
