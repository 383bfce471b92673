import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentLogger } from '@vfio-user/core';
import { collapsePages } from '@vfio-user/posix-ffi';
import fc from 'fast-check';
import t from 'tap';
import { FileStorage } from '../../src/nvme/storage/file-storage.js';
import { openImage } from '../../src/nvme/storage/image.js';
import { MemoryStorage } from '../../src/nvme/storage/memory-storage.js';
import { Driver, PAGE, pattern, settle } from './driver.js';
import { needsRoot, temporaryFolder } from './loop-device.js';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const TIB = 2 ** 40;

t.test('memory takes room only for what is written', async (t) => {
  const storage = new MemoryStorage(TIB);
  const target = new Uint8Array(PAGE).fill(1);
  storage.tryRead(TIB - PAGE, [target]);
  t.ok(
    target.every((byte) => byte === 0),
    'what was never written is zero',
  );
  t.equal(storage.allocatedBytes(), 0, 'reading allocates nothing');
  storage.tryWrite(TIB - PAGE, [pattern(PAGE)]);
  storage.tryWrite(5 * MIB - 100, [pattern(200)]);
  t.equal(storage.allocatedBytes(), 3 * PAGE);
  storage.zero(0, TIB - MIB);
  t.equal(storage.allocatedBytes(), PAGE, 'zeros give room back');
  storage.tryRead(TIB - PAGE, [target]);
  t.same(target, pattern(PAGE));
  storage.tryWrite(0, [pattern(2 * PAGE)]);
  storage.discard(PAGE - 1, PAGE + 1);
  t.equal(storage.allocatedBytes(), 2 * PAGE, 'pages that are left whole stay');
  storage.tryRead(0, [target]);
  t.same(target.subarray(0, PAGE - 1), pattern(PAGE).subarray(0, PAGE - 1));
  storage.discard(0, TIB);
  t.equal(storage.allocatedBytes(), 0);
});

t.test('memory that is discarded goes back to the host without a garbage collection', async (t) => {
  const size = 64 * MIB;
  const storage = new MemoryStorage(size);
  const data = pattern(MIB);
  for (let at = 0; at < size; at += MIB) storage.tryWrite(at, [data]);
  const full = process.memoryUsage.rss();
  storage.discard(0, size);
  t.equal(storage.allocatedBytes(), 0);
  for (let turn = 0; turn < 100 && process.memoryUsage.rss() > full - size / 2; turn++) {
    await settle(1);
  }
  t.ok(process.memoryUsage.rss() <= full - size / 2);
});

t.test('memory becomes huge pages once all of them is written', async (t) => {
  const chunk = 2 * MIB;
  const collapsed: Uint8Array[] = [];
  let finish = (): void => {};
  const storage = new MemoryStorage(TIB, false, (memory, done) => {
    collapsed.push(memory);
    finish = done;
  });
  const data = pattern(chunk);
  storage.tryWrite(0, [data.subarray(PAGE)]);
  storage.tryWrite(TIB - PAGE, [data.subarray(0, PAGE)]);
  t.equal(collapsed.length, 0, 'what is written in part stays as small as it is');
  storage.tryWrite(chunk - PAGE, [data.subarray(0, PAGE)]);
  t.equal(collapsed.length, 1);
  t.equal(collapsed[0]?.length, chunk);
  for (const index of [2, 3, 4]) storage.tryWrite(index * chunk, [data]);
  storage.discard(4 * chunk, PAGE);
  storage.discard(3 * chunk, chunk);
  await settle(1);
  t.equal(collapsed.length, 1, 'one at a time');
  finish();
  t.equal(collapsed.length, 2);
  t.ok(Buffer.compare(collapsed[1] as Uint8Array, data) === 0);
  finish();
  t.equal(collapsed.length, 2, 'what was discarded meanwhile is left alone');
  storage.tryWrite(4 * chunk, [data.subarray(0, PAGE)]);
  t.equal(collapsed.length, 2, 'and does not become one when it is filled again');
  storage.tryWrite(5 * chunk, [data]);
  storage.tryWrite(6 * chunk, [data]);
  t.equal(collapsed.length, 3);
  storage.close();
  finish();
  t.equal(collapsed.length, 3, 'a storage that is closed needs none');
});

t.test('memory keeps its content while it becomes huge pages', async (t) => {
  const data = pattern(2 * MIB);
  const size = 8 * data.length;
  let left = 8;
  const storage = await new Promise<MemoryStorage>((resolve) => {
    const filled = new MemoryStorage(size, false, (memory, done) => {
      collapsePages(memory, () => {
        done();
        if (--left === 0) resolve(filled);
      });
      memory[0] = 99;
    });
    for (let at = 0; at < size; at += data.length) filled.tryWrite(at, [data]);
  });
  const target = new Uint8Array(data.length);
  for (let at = 0; at < size; at += data.length) {
    storage.tryRead(at, [target]);
    t.equal(target[0], 99, 'what was written in the meantime');
    t.ok(Buffer.compare(target.subarray(1), data.subarray(1)) === 0);
  }
});

t.test('memory behaves like one long array', async (t) => {
  const size = 4 * MIB;
  const operation = fc.record({
    kind: fc.constantFrom('write', 'zero', 'discard' as const),
    // Around the borders of what is allocated at a time.
    offset: fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: -600, max: 600 })),
    length: fc.oneof(fc.integer({ min: 0, max: 2000 }), fc.integer({ min: 0, max: 3 * MIB })),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 8 }), (operations) => {
      const storage = new MemoryStorage(size);
      const model = new Uint8Array(size);
      for (const [index, { kind, offset, length }] of operations.entries()) {
        const start = Math.max(0, offset[0] * MIB + offset[1]);
        const part = Math.min(length, size - start);
        if (kind === 'write') {
          const data = new Uint8Array(part).fill(index + 1);
          storage.tryWrite(start, [data]);
          model.set(data, start);
        } else {
          storage[kind](start, part);
          model.fill(0, start, start + part);
        }
      }
      const all = new Uint8Array(size);
      storage.tryRead(0, [all]);
      return Buffer.compare(all, model) === 0;
    }),
    { numRuns: 40 },
  );
  t.pass();
});

t.test('a file keeps its blocks', async (t) => {
  const file = join(t.testdir(), 'disk');
  const first = await Driver.create('mapped', { file, size: '4M' });
  first.enable();
  t.equal(statSync(file).size, 4 * MIB, 'created');
  const queue = await first.queuePair(1);
  const page = first.pages();
  first.bytes(page, PAGE).set(pattern(PAGE));
  const write = { opcode: 1, namespaceId: 1, prp1: page, dwords: [8, 0, 7] };
  t.equal((await first.submit(queue, write)).status, 0);
  t.equal((await first.submit(queue, { opcode: 0, namespaceId: 1 })).status, 0, 'flush');
  await first.device.close?.();
  t.same(readFileSync(file).subarray(PAGE, 2 * PAGE), Buffer.from(pattern(PAGE)));

  const second = await Driver.create('messages', { file });
  t.teardown(() => second.device.close?.());
  second.enable();
  const again = await second.queuePair(1);
  const target = second.pages();
  const read = { opcode: 2, namespaceId: 1, prp1: target, dwords: [8, 0, 7] };
  t.equal((await second.submit(again, read)).status, 0);
  t.same(second.bytes(target, PAGE), pattern(PAGE));
});

t.test('a file that others shorten reads as zeros there', async (t) => {
  const file = join(t.testdir({ disk: Buffer.alloc(2 * PAGE, 7) }), 'disk');
  const storage = new FileStorage(openImage({ path: file, isReadOnly: true }, silentLogger));
  truncateSync(file, PAGE + 100);
  const target = new Uint8Array(PAGE).fill(1);
  await storage.read(PAGE, target);
  await storage.close();
  t.ok(target.subarray(0, 100).every((byte) => byte === 7));
  t.ok(target.subarray(100).every((byte) => byte === 0));
});

t.test('a file system that knows no cached reads is read by threads', needsRoot, async (t) => {
  const [lower, mount] = [temporaryFolder(t), temporaryFolder(t)];
  for (const name of ['lower', 'upper', 'work']) mkdirSync(join(lower, name));
  writeFileSync(join(lower, 'lower/disk'), pattern(2 * PAGE));
  const layers = `lowerdir=${lower}/lower,upperdir=${lower}/upper,workdir=${lower}/work`;
  execFileSync('mount', ['-t', 'overlay', '-o', layers, 'overlay', mount]);
  t.teardown(() => execFileSync('umount', [mount]));
  const options = { path: join(mount, 'disk'), isReadOnly: false };
  const storage = new FileStorage(openImage(options, silentLogger));
  try {
    const target = new Uint8Array(PAGE);
    t.notOk(storage.tryRead(0, [target]));
    await storage.read(0, target);
    t.same(target, pattern(PAGE));
  } finally {
    await storage.close();
  }
});

t.test('flush, FUA and a disabled write cache reach the disk', async (t) => {
  const file = join(t.testdir(), 'disk');
  const driver = await Driver.create('mapped', { file, size: '4M' });
  t.teardown(() => driver.device.close?.());
  driver.enable();
  const queue = await driver.queuePair(1);
  const flushes = t.capture(FileStorage.prototype, 'flush', FileStorage.prototype.flush);
  const write = (flags: number) =>
    driver.submit(queue, {
      opcode: 1,
      namespaceId: 1,
      prp1: driver.pages(),
      dwords: [0, 0, flags],
    });
  t.equal((await write(0)).status, 0);
  t.equal(flushes().length, 0, 'a plain write stays in the cache');
  t.equal((await write(1 << 30)).status, 0);
  t.equal(flushes().length, 1, 'FUA');
  t.equal((await driver.submit(queue, { opcode: 0, namespaceId: 1 })).status, 0);
  t.equal(flushes().length, 1, 'flush');
  t.equal((await driver.execute({ opcode: 9, dwords: [6, 0] })).status, 0, 'switch the cache off');
  t.equal((await write(0)).status, 0);
  t.equal(flushes().length, 1, 'every write');
  driver.write32(0x14, 0x0046_4001);
  while ((driver.read32(0x1c) & 0xc) !== 8) await settle(1);
  t.equal(flushes().length, 1, 'shutdown');
});

t.test('each flush reaches the disk; those that wait for it together do so once', async (t) => {
  const ends: ((error: Error | null) => void)[] = [];
  const { FileStorage: CountingStorage } = await t.mockImport<
    typeof import('../../src/nvme/storage/file-storage.js')
  >('../../src/nvme/storage/file-storage.js', {
    'node:fs': {
      ...(await import('node:fs')),
      fdatasync: (_fd: number, done: (error: Error | null) => void) => ends.push(done),
    },
  });
  const threads = process.env.UV_THREADPOOL_SIZE;
  process.env.UV_THREADPOOL_SIZE = '2'; // one call at a time
  t.teardown(() => {
    if (threads === undefined) delete process.env.UV_THREADPOOL_SIZE;
    else process.env.UV_THREADPOOL_SIZE = threads;
  });
  const path = join(t.testdir(), 'disk');
  const storage = new CountingStorage(
    openImage({ path, size: MIB, isReadOnly: false }, silentLogger),
  );
  t.teardown(() => storage.close());

  const first = storage.flush();
  t.equal(ends.length, 1, 'at once when the disk is idle');
  const [second, third] = [storage.flush(), storage.flush()];
  t.equal(ends.length, 1, 'what was written since then is for the next one');
  ends[0]?.(null);
  await first;
  t.equal(ends.length, 2, 'one for both that waited');
  ends[1]?.(new Error('EIO'));
  await Promise.all([t.rejects(second, /EIO/), t.rejects(third, /EIO/)]);

  const fourth = storage.flush();
  t.equal(ends.length, 3, 'not answered with the outcome of an earlier one');
  ends[2]?.(null);
  await fourth;
});

t.test('what the operating system refuses becomes a status', async (t) => {
  const file = join(t.testdir(), 'disk');
  const driver = await Driver.create('mapped', { file, size: '4M' });
  t.teardown(() => driver.device.close?.());
  driver.enable();
  const queue = await driver.queuePair(1);
  const fail = (code: string) => () => {
    throw Object.assign(new Error(code), { code });
  };
  const submit = async (opcode: number) =>
    (
      await driver.submit(queue, {
        opcode,
        namespaceId: 1,
        prp1: driver.pages(),
        dwords: [0, 0, 0],
      })
    ).status;
  t.intercept(FileStorage.prototype, 'tryRead', { value: () => false });
  t.intercept(FileStorage.prototype, 'tryWrite', { value: () => false });
  t.intercept(FileStorage.prototype, 'read', { value: async () => fail('EIO')() });
  t.intercept(FileStorage.prototype, 'write', { value: async () => fail('ENOSPC')() });
  t.intercept(FileStorage.prototype, 'flush', { value: async () => fail('EIO')() });
  t.equal(await submit(2), 0x281, 'unrecovered read error');
  t.equal(await submit(1), 0x81, 'capacity exceeded');
  t.equal(await submit(0), 0x280, 'write fault');
});

t.test('a reset ends what a long command still had to do', async (t) => {
  const file = join(t.testdir({ disk: '' }), 'disk');
  truncateSync(file, 3 * GIB);
  const storage = new FileStorage(openImage({ path: file, isReadOnly: false }, silentLogger));
  t.teardown(() => storage.close());
  await storage.write(3 * GIB - PAGE, pattern(PAGE));
  const zeroed = storage.zero(0, 3 * GIB, true);
  const discarded = storage.discard(0, 3 * GIB);
  storage.abandon();
  const reset = { message: 'the controller was reset' };
  await Promise.all([t.rejects(zeroed, reset), t.rejects(discarded, reset)]);
  const target = new Uint8Array(PAGE);
  await storage.read(3 * GIB - PAGE, target);
  t.same(target, pattern(PAGE));
});
