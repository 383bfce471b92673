import { identifyFile, Mapping } from '@vfio-user/posix-ffi';
import t from 'tap';
import { CAPABILITIES, openDescriptors, serveTestDevice } from './fixture.js';
import { payloadOf } from './raw-client.js';
import * as request from './requests.js';
import {
  EVENTS_BAR,
  LARGE_BAR,
  LARGE_BYTES,
  MISSING_REGION,
  PLAIN_BAR,
  ROM,
  SPARSE_AREAS,
  SPARSE_BAR,
  WRITE_ONLY_BAR,
} from './test-device.js';
import { CONFIG, EINVAL, DEVICE_GET_REGION_INFO as GET_REGION_INFO, REGION_READ } from './wire.js';

const READ = 1;
const WRITE = 2;
const MMAP = 4;
const CAPS = 8;
const SPARSE_BYTES = 32 + 16 + 16 * SPARSE_AREAS.length;

function fixedPart(info: Buffer) {
  return {
    argsz: info.readUInt32LE(0),
    flags: info.readUInt32LE(4),
    index: info.readUInt32LE(8),
    capOffset: info.readUInt32LE(12),
    size: info.readBigUInt64LE(16),
    offset: info.readBigUInt64LE(24),
  };
}

t.test('DEVICE_GET_REGION_INFO refuses what is too short and what is not there', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  const whole = request.regionInfo(PLAIN_BAR);
  t.equal(await client.refusal(GET_REGION_INFO, whole.subarray(0, 8)), EINVAL);
  t.equal(await client.refusal(GET_REGION_INFO, whole.subarray(0, 31)), EINVAL);
  t.equal(await client.refusal(GET_REGION_INFO, request.regionInfo(PLAIN_BAR, 8)), EINVAL);
  t.equal(await client.refusal(GET_REGION_INFO, request.regionInfo(9)), EINVAL);
  t.equal(await client.refusal(GET_REGION_INFO, request.regionInfo(0xffff_ffff)), EINVAL);
});

t.test('every region is described by exactly the fixed structure', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  const expected: readonly (readonly [index: number, flags: number, size: number])[] = [
    [PLAIN_BAR, READ | WRITE, 4096],
    [LARGE_BAR, READ | WRITE, LARGE_BYTES],
    [LARGE_BAR + 1, 0, 0],
    [WRITE_ONLY_BAR, WRITE, 4096],
    [EVENTS_BAR, READ | WRITE, 0x2_0000],
    [ROM, READ, 2048],
    [CONFIG, READ | WRITE, 256],
    [MISSING_REGION, 0, 0],
  ];
  for (const [index, flags, size] of expected) {
    for (const argsz of [32, 40]) {
      const { payload, fds } = await client.request(
        GET_REGION_INFO,
        request.regionInfo(index, argsz),
      );
      t.equal(payload.length, 32);
      t.strictSame(
        fixedPart(payload),
        { argsz: 32, flags, index, capOffset: 0, size: BigInt(size), offset: 0n },
        `region ${index}`,
      );
      t.equal(fds.length, 0);
    }
  }
});

t.test('with a PCI Express capability the configuration space has 4096 bytes', async (t) => {
  const client = await (await serveTestDevice(t, { device: { express: true } })).connected();
  const info = await client.call(GET_REGION_INFO, request.regionInfo(CONFIG));
  t.match(fixedPart(info), { flags: READ | WRITE, size: 4096n });
});

t.test('a device may let only some clients map, by whether they name capabilities', async (t) => {
  const fixture = await serveTestDevice(t);
  fixture.device.mayMap = ({ namesCapabilities }) => !namesCapabilities;
  for (const [json, flags] of [
    [CAPABILITIES, READ | WRITE],
    [undefined, READ | WRITE | MMAP | CAPS],
  ] as const) {
    const client = fixture.client();
    await client.negotiate(json);
    const asked = request.regionInfo(SPARSE_BAR, SPARSE_BYTES);
    const { payload, fds } = await client.request(GET_REGION_INFO, asked);
    t.equal(fixedPart(payload).flags, flags);
    t.equal(fds.length, flags & MMAP ? 1 : 0);
    for (const fd of fds) fd.close();
    client.close();
    await fixture.idle();
  }
});

t.test('without room for capabilities the reply says how much is needed', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  for (const argsz of [32, SPARSE_BYTES - 1]) {
    const reply = await client.request(GET_REGION_INFO, request.regionInfo(SPARSE_BAR, argsz));
    const info = payloadOf(reply);
    t.equal(info.length, 32);
    t.strictSame(fixedPart(info), {
      argsz: SPARSE_BYTES,
      flags: READ | WRITE | MMAP,
      index: SPARSE_BAR,
      capOffset: 0,
      size: 0x4000n,
      offset: 0n,
    });
    t.equal(reply.fds.length, 0);
  }
});

t.test('with room come the sparse areas and one descriptor for all of them', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  // SPDK asks with a payload of 4064 bytes.
  for (const argsz of [SPARSE_BYTES, 4064]) {
    const reply = await client.request(GET_REGION_INFO, request.regionInfo(SPARSE_BAR, argsz));
    const info = payloadOf(reply);
    t.equal(info.length, SPARSE_BYTES);
    t.match(fixedPart(info), {
      argsz: SPARSE_BYTES,
      flags: READ | WRITE | MMAP | CAPS,
      capOffset: 32,
      size: 0x4000n,
      offset: 0n,
    });
    t.equal(info.readUInt16LE(32), 1, 'capability: sparse mmap');
    t.equal(info.readUInt16LE(34), 1, 'version');
    t.equal(info.readUInt32LE(36), 0, 'next');
    t.equal(info.readUInt32LE(40), SPARSE_AREAS.length, 'nr_areas');
    t.equal(info.readUInt32LE(44), 0, 'reserved');
    SPARSE_AREAS.forEach(({ offset, size }, i) => {
      t.equal(info.readBigUInt64LE(48 + 16 * i), BigInt(offset));
      t.equal(info.readBigUInt64LE(56 + 16 * i), BigInt(size));
    });
    t.equal(reply.fds.length, 1);
  }
});

t.test('argsz counts, not the length of the request', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  const unpadded = request.regionInfo(SPARSE_BAR, SPARSE_BYTES).subarray(0, 32);
  t.equal((await client.call(GET_REGION_INFO, unpadded)).length, SPARSE_BYTES);
  const padded = request.regionInfo(SPARSE_BAR, 200);
  padded.writeUInt32LE(32, 0);
  t.equal((await client.call(GET_REGION_INFO, padded)).length, 32);
});

t.test('the descriptor is the memory behind the region', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const { fds } = await client.request(GET_REGION_INFO, request.regionInfo(SPARSE_BAR, 4064));
  const [file] = fds;
  if (file === undefined) throw new Error('no descriptor');
  t.equal(identifyFile(file).size, 0x4000n);
  const area = Mapping.create(file, { offset: 0x3000n, length: 0x1000, writable: true });
  area.write(8, Buffer.from('by the client'));
  const read = await client.call(REGION_READ, request.regionRead(SPARSE_BAR, 0x3008, 13));
  t.equal(read.toString('utf8', 16), 'by the client');
  fixture.device.sparse.bytes.set(Buffer.from('by the device'), 0x3008);
  const seen = Buffer.alloc(13);
  area.read(8, seen);
  t.equal(seen.toString(), 'by the device');
  area.revoke();
});

t.test('asking again and again leaves no descriptor open', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const before = openDescriptors();
  for (let i = 0; i < 20; i++) {
    const { fds } = await client.request(GET_REGION_INFO, request.regionInfo(SPARSE_BAR, 4064));
    for (const fd of fds) fd.close();
  }
  t.equal(openDescriptors(), before);
});

t.test('areas are made of whole pages of the host, what is left of them is trapped', async (t) => {
  const larger = await serveTestDevice(t, { pageBytes: 0x10000 });
  const client = await larger.connected();
  const info = await client.call(GET_REGION_INFO, request.regionInfo(SPARSE_BAR, SPARSE_BYTES));
  t.match(fixedPart(info), { argsz: 32, flags: READ | WRITE, capOffset: 0, size: 0x4000n });
});
