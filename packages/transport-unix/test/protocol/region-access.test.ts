import t from 'tap';
import { serveTestDevice } from './fixture.js';
import { regionRead, regionWrite } from './requests.js';
import {
  LARGE_BAR,
  LARGE_BYTES,
  MISSING_REGION,
  PLAIN_BAR,
  ROM,
  SPARSE_BAR,
  WRITE_ONLY_BAR,
} from './test-device.js';
import {
  EINVAL,
  frame,
  MIB,
  NO_REPLY,
  REGION_READ,
  REGION_WRITE,
  REGION_WRITE_MULTI,
  struct,
  u32,
  u64,
} from './wire.js';

t.test('replies echo the access, a read followed by its data', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  const write = regionWrite(PLAIN_BAR, 0x10, Buffer.from([1, 2, 3, 4]));
  t.strictSame(await client.call(REGION_WRITE, write), write.subarray(0, 16));
  const read = regionRead(PLAIN_BAR, 0x10, 4);
  t.strictSame(await client.call(REGION_READ, read), struct(read, Buffer.from([1, 2, 3, 4])));
});

t.test('any length at any offset works', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  for (const [offset, length] of [
    [0, 1],
    [1, 2],
    [3, 4],
    [4, 8],
    [5, 7],
    [1, 4095],
    [0, 4096],
  ] as const) {
    const data = Buffer.from(Array.from({ length }, (_, i) => (i * 7 + offset) & 0xff));
    await client.call(REGION_WRITE, regionWrite(PLAIN_BAR, offset, data));
    t.strictSame(fixture.device.registers.subarray(offset, offset + length), data);
    const reply = await client.call(REGION_READ, regionRead(PLAIN_BAR, offset, length));
    t.strictSame(reply.subarray(16), data);
  }
});

t.test('an access of nothing succeeds with a header', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  t.equal((await client.call(REGION_READ, regionRead(PLAIN_BAR, 0, 0))).length, 0);
  t.equal((await client.call(REGION_WRITE, regionWrite(PLAIN_BAR, 0, Buffer.alloc(0)))).length, 0);
});

t.test('what lies outside, is not there or is not allowed is refused', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const four = Buffer.alloc(4, 0xff);
  const reads: readonly (readonly [title: string, payload: Buffer])[] = [
    ['a short payload', regionRead(PLAIN_BAR, 0, 4).subarray(0, 8)],
    ['the end', regionRead(PLAIN_BAR, 4096, 1)],
    ['across the end', regionRead(PLAIN_BAR, 4094, 4)],
    ['an offset that wraps around', regionRead(PLAIN_BAR, 2n ** 64n - 1n, 256)],
    ['an offset that is not exact', regionRead(PLAIN_BAR, 2n ** 53n + 1n, 4)],
    ['a region the device has not', regionRead(MISSING_REGION, 0, 4)],
    ['an index out of range', regionRead(9, 0, 4)],
    ['the largest index', regionRead(0xffff_ffff, 0, 4)],
    ['the upper half of a 64-bit BAR', regionRead(LARGE_BAR + 1, 0, 4)],
    ['more than one transfer', regionRead(LARGE_BAR, 0, MIB + 8)],
    ['an absurd count', regionRead(LARGE_BAR, 0, 0xffff_ffff)],
    ['a region that is write-only', regionRead(WRITE_ONLY_BAR, 0, 4)],
  ];
  for (const [title, payload] of reads) {
    t.equal(await client.refusal(REGION_READ, payload), EINVAL, title);
  }
  const writes: readonly (readonly [title: string, payload: Buffer])[] = [
    ['a short payload', regionWrite(PLAIN_BAR, 0, four).subarray(0, 8)],
    ['less data than said', regionWrite(PLAIN_BAR, 0, four, 8)],
    ['more data than said', regionWrite(PLAIN_BAR, 0, four, 2)],
    ['across the end', regionWrite(PLAIN_BAR, 4094, four)],
    ['an offset that wraps around', regionWrite(PLAIN_BAR, 2n ** 64n - 1n, four)],
    ['a region the device has not', regionWrite(MISSING_REGION, 0, four)],
    ['a region that is read-only', regionWrite(ROM, 0, four)],
  ];
  for (const [title, payload] of writes) {
    t.equal(await client.refusal(REGION_WRITE, payload), EINVAL, title);
  }
  t.ok(
    fixture.device.registers.every((byte) => byte === 0),
    'nothing was written',
  );
});

t.test('the largest transfer passes in both directions', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const read = await client.call(REGION_READ, regionRead(LARGE_BAR, LARGE_BYTES - MIB, MIB));
  t.equal(read.length, 16 + MIB);
  const write = regionWrite(LARGE_BAR, LARGE_BYTES - MIB, Buffer.alloc(MIB));
  t.equal((await client.call(REGION_WRITE, write)).length, 16);
});

t.test('regions of memory are read and written too', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  await client.call(REGION_WRITE, regionWrite(SPARSE_BAR, 0x2ffe, Buffer.from('edge')));
  const read = await client.call(REGION_READ, regionRead(SPARSE_BAR, 0x2ffe, 4));
  t.equal(read.toString('utf8', 16), 'edge');
  const rom = await client.call(REGION_READ, regionRead(ROM, 2044, 4));
  t.strictSame(rom.subarray(16), Buffer.alloc(4, 0xcc));
});

function multi(count: number | bigint, writes: readonly Buffer[]): Buffer {
  return struct(u64(count), ...writes);
}

function write(region: number, offset: number, data: string, count = data.length): Buffer {
  const padded = Buffer.alloc(8);
  padded.write(data);
  return struct(u64(offset), u32(region), u32(count), padded);
}

t.test('REGION_WRITE_MULTI writes in order', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const seen: number[] = [];
  fixture.device.onRegisterWrite = (offset) => seen.push(offset);
  const writes = [
    write(PLAIN_BAR, 8, 'abcd'),
    write(PLAIN_BAR, 0, 'ef'),
    write(PLAIN_BAR, 12, 'g'),
    write(PLAIN_BAR, 16, 'hijklmno'),
  ];
  t.strictSame(await client.call(REGION_WRITE_MULTI, multi(4, writes)), u64(4));
  t.strictSame(seen, [8, 0, 12, 16, 20]);
  t.equal(fixture.device.registers.toString('latin1', 8, 24), 'abcdg\0\0\0hijklmno');
});

t.test('REGION_WRITE_MULTI as QEMU sends it: many, and no reply', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const writes = Array.from({ length: 200 }, (_, i) => write(PLAIN_BAR, i * 4, `${i + 1000}`));
  await client.send(frame(REGION_WRITE_MULTI, multi(200, writes), { id: 1, flags: NO_REPLY }));
  const read = await client.call(REGION_READ, regionRead(PLAIN_BAR, 0, 800), { id: 2 });
  t.equal(read.toString('latin1', 16 + 796), '1199');
});

t.test('REGION_WRITE_MULTI that does not add up is refused', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const one = write(PLAIN_BAR, 0, 'abcd');
  for (const payload of [
    multi(2, [one]),
    multi(0, [one]),
    multi(2n ** 61n, [one]),
    multi(1, [one.subarray(0, 20)]),
    multi(1, [write(PLAIN_BAR, 0, 'abcdefgh', 9)]),
    u64(1).subarray(0, 4),
  ]) {
    t.equal(await client.refusal(REGION_WRITE_MULTI, payload), EINVAL);
  }
  t.ok(fixture.device.registers.every((byte) => byte === 0));
  const outside = multi(1, [write(PLAIN_BAR, 4094, 'abcd')]);
  t.equal(await client.refusal(REGION_WRITE_MULTI, outside), EINVAL);
});
