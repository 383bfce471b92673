import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Driver, PAGE, pattern } from './driver.js';
import { loopDevice, needsRoot, temporaryFolder } from './loop-device.js';

const MIB = 2 ** 20;
const SIZE = 4 * MIB;
const BLOCK = 512;
const OP = { WRITE: 1, READ: 2, ZEROES: 8, DSM: 9 } as const;
const DEAC = 1 << 25;

/** A disk with every block written. */
async function fullDisk(set: Record<string, unknown>) {
  const driver = await Driver.create('mapped', set);
  driver.enable();
  const queue = await driver.queuePair(1);
  const page = driver.pages();
  const submit = async (opcode: number, first: number, count: number, flags = 0) => {
    const dwords = [first, 0, (count - 1) | flags];
    return (await driver.submit(queue, { opcode, namespaceId: 1, prp1: page, dwords })).status;
  };
  driver.bytes(page, PAGE).set(pattern(PAGE));
  for (let block = 0; block < SIZE / BLOCK; block += 8) await submit(OP.WRITE, block, 8);
  const disk = {
    driver,
    submit,
    async deallocate(first: number, count: number) {
      const range = new DataView(new ArrayBuffer(16));
      range.setUint32(4, count, true);
      range.setUint32(8, first, true);
      const list = driver.pages();
      driver.bytes(list, 16).set(new Uint8Array(range.buffer));
      const command = { opcode: OP.DSM, namespaceId: 1, prp1: list, dwords: [0, 4] };
      return (await driver.submit(queue, command)).status;
    },
    async read(first: number) {
      driver.bytes(page, PAGE).fill(1);
      if ((await submit(OP.READ, first, 8)) !== 0) throw new Error('a read failed');
      return Buffer.from(driver.bytes(page, PAGE));
    },
    /** Identify Controller, Identify Namespace. */
    async identify() {
      const [controller, namespace] = [driver.pages(), driver.pages()];
      await driver.execute({ opcode: 6, prp1: controller, dwords: [1] });
      await driver.execute({ opcode: 6, namespaceId: 1, prp1: namespace, dwords: [0] });
      const [oncs, data] = [
        Buffer.from(driver.bytes(controller, PAGE)).readUInt16LE(520),
        Buffer.from(driver.bytes(namespace, PAGE)),
      ];
      return {
        deallocates: (oncs & 4) !== 0,
        used: Number(data.readBigUInt64LE(16)),
        features: data[24],
        deallocation: data[33],
        granularities: [64, 66, 68, 70, 72].map((at) => data.readUInt16LE(at)),
      };
    },
  };
  return disk;
}

const ZEROS = Buffer.alloc(PAGE);
const used = (path: string): number => statSync(path).blocks * 512;

t.test('a file gives back what is deallocated', async (t) => {
  const file = join(t.testdir(), 'disk');
  const disk = await fullDisk({ file, size: '4M' });
  t.teardown(() => disk.driver.device.close?.());
  const before = used(file);
  t.ok(before >= SIZE);
  t.match(await disk.identify(), {
    deallocates: true,
    used: SIZE / BLOCK,
    features: 0x11,
    deallocation: 0x09,
  });
  t.equal((await disk.identify()).granularities[2], statSync(file).blksize / BLOCK - 1, 'NPDG');

  t.equal(await disk.deallocate(8, SIZE / 2 / BLOCK), 0);
  t.equal(used(file), before - SIZE / 2);
  t.equal((await disk.identify()).used, SIZE / 2 / BLOCK, 'NUSE');
  t.same(await disk.read(8), ZEROS);
  t.same(await disk.read(SIZE / 2 / BLOCK), ZEROS);
  t.same(await disk.read(0), Buffer.from(pattern(PAGE)), 'before the range');
  t.same(await disk.read(SIZE / 2 / BLOCK + 8), Buffer.from(pattern(PAGE)), 'behind it');

  t.equal(await disk.deallocate(3, 2), 0, 'less than can be given back');
  const page = await disk.read(0);
  t.same(page.subarray(3 * BLOCK, 5 * BLOCK), ZEROS.subarray(0, 2 * BLOCK));
  t.same(page.subarray(5 * BLOCK), Buffer.from(pattern(PAGE)).subarray(5 * BLOCK));
});

t.test('zeroes keep their room, or give it back if the host wishes', async (t) => {
  const file = join(t.testdir(), 'disk');
  const disk = await fullDisk({ file, size: '4M' });
  t.teardown(() => disk.driver.device.close?.());
  const before = used(file);
  t.equal(await disk.submit(OP.ZEROES, 8, 1024), 0);
  t.same(await disk.read(8), ZEROS);
  t.equal(used(file), before);
  t.equal(await disk.submit(OP.ZEROES, 8, 1024, DEAC), 0);
  t.same(await disk.read(8), ZEROS);
  t.equal(used(file), before - 1024 * BLOCK);
  t.same(await disk.read(0), Buffer.from(pattern(PAGE)));
});

t.test('memory gives back pages', async (t) => {
  const disk = await fullDisk({ size: '4M' });
  t.teardown(() => disk.driver.device.close?.());
  t.match(await disk.identify(), {
    deallocates: true,
    used: SIZE / BLOCK,
    features: 0x11,
    deallocation: 0x09,
    granularities: [7, 7, 7, 7, 7],
  });
  t.equal(await disk.deallocate(8, 8), 0);
  t.equal((await disk.identify()).used, SIZE / BLOCK - 8);
  t.same(await disk.read(8), ZEROS);
  t.equal(await disk.submit(OP.ZEROES, 16, 8), 0);
  t.equal((await disk.identify()).used, SIZE / BLOCK - 16);
});

t.test('a file system without holes promises none', needsRoot, async (t) => {
  const folder = temporaryFolder(t);
  execFileSync('mount', ['-t', 'ramfs', 'ramfs', folder]);
  t.teardown(() => execFileSync('umount', [folder]));
  const file = join(folder, 'disk');
  const disk = await fullDisk({ file, size: '4M' });
  try {
    t.match(await disk.identify(), { deallocates: false, features: 0, deallocation: 0 });
    t.equal(await disk.deallocate(0, 8), 0x01, 'an opcode that is not there');
    t.equal(await disk.submit(OP.ZEROES, 8, 4096, DEAC), 0);
    t.same(await disk.read(8), ZEROS, 'zeros are written');
    t.same(await disk.read(0), Buffer.from(pattern(PAGE)));
    t.ok(
      readFileSync(file)
        .subarray(PAGE, PAGE + 4096 * BLOCK)
        .every((byte) => byte === 0),
    );
  } finally {
    await disk.driver.device.close?.();
  }
});

t.test('a block device is told what is not needed', needsRoot, async (t) => {
  const device = loopDevice(t, SIZE);
  const backing = execFileSync('losetup', ['-n', '-O', 'BACK-FILE', device], {
    encoding: 'utf8',
  }).trim();
  const disk = await fullDisk({ file: device });
  try {
    t.match(await disk.identify(), { deallocates: true, used: SIZE / BLOCK, deallocation: 0 });
    execFileSync('sync', [device]);
    const before = used(backing);
    t.equal(await disk.deallocate(0, SIZE / 2 / BLOCK), 0);
    t.equal(used(backing), before - SIZE / 2);
    t.equal(await disk.submit(OP.ZEROES, SIZE / 2 / BLOCK, 1024, DEAC), 0);
    t.equal(used(backing), before - SIZE / 2 - 1024 * BLOCK);
    t.same(await disk.read(SIZE / 2 / BLOCK), ZEROS);
    t.equal(await disk.submit(OP.ZEROES, SIZE / 2 / BLOCK + 1024, 8), 0);
    t.same(await disk.read(SIZE / 2 / BLOCK + 1024), ZEROS);
    t.same(await disk.read(SIZE / BLOCK - 8), Buffer.from(pattern(PAGE)));
  } finally {
    await disk.driver.device.close?.();
  }
});
