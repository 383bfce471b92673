import t from 'tap';
import { EACCES, ECANCELED, EFAULT, ENOENT } from '../../src/errno.js';
import { DmaFaultError, RemoteError } from '../../src/errors.js';
import { silentLogger } from '../../src/logger.js';
import { DmaSpace } from '../../src/memory/dma-space.js';
import {
  ATTACHMENT,
  addMapping,
  ManualRemote,
  mappingOf,
  TestGuestMemory,
  tryRead,
  tryWrite,
} from './fakes.js';

const PAGE = 4096;
const FAULT = { code: 'VFU_DMA_FAULT' };

/** Pages at 0x10000: two of shared memory, one by messages, one of shared memory. */
function mixedSpace() {
  const dma = new DmaSpace(ATTACHMENT);
  const remote = new ManualRemote(dma.fence);
  dma.connect(remote);
  const low = new TestGuestMemory(2 * PAGE);
  const high = new TestGuestMemory(PAGE);
  const mappings = {
    low: addMapping(dma, mappingOf(0x10000, 2, low)),
    messages: addMapping(dma, mappingOf(0x12000, 1)),
    high: addMapping(dma, mappingOf(0x13000, 1, high)),
  };
  return { dma, remote, low, high, mappings };
}

function bytes(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value);
}

t.test('a range in one shared mapping is reached at once and by a view', async (t) => {
  const { dma, low } = mixedSpace();
  t.ok(tryWrite(dma, 0x10ffe, bytes(4, 7)), 'across a page border');
  t.strictSame([...low.bytes.subarray(0xffd, 0x1003)], [0, 7, 7, 7, 7, 0]);
  const target = bytes(4, 0);
  t.ok(tryRead(dma, 0x10ffe, target));
  t.strictSame([...target], [7, 7, 7, 7]);
  const view = dma.range(0x10ffe, 4, 'readwrite').view;
  view?.set([1, 2, 3, 4]);
  await dma.read(0x10ffe, target);
  t.strictSame([...target], [1, 2, 3, 4]);
  await dma.write(0x10ffe, bytes(4, 9));
  t.strictSame([...low.bytes.subarray(0xffe, 0x1002)], [9, 9, 9, 9]);
});

t.test('a range over several shared mappings is read and written whole', async (t) => {
  const dma = new DmaSpace(ATTACHMENT);
  const memories = [
    new TestGuestMemory(PAGE),
    new TestGuestMemory(PAGE),
    new TestGuestMemory(PAGE),
  ];
  memories.forEach((memory, index) => {
    addMapping(dma, mappingOf(index * PAGE, 1, memory));
  });
  const source = Uint8Array.from({ length: PAGE + 20 }, (_, index) => index);
  t.ok(tryWrite(dma, PAGE - 10, source));
  t.strictSame(memories[0]?.bytes.subarray(PAGE - 10), source.subarray(0, 10));
  t.strictSame(memories[1]?.bytes, source.subarray(10, PAGE + 10));
  t.strictSame(memories[2]?.bytes.subarray(0, 10), source.subarray(PAGE + 10));
  const target = bytes(source.length, 0);
  t.ok(tryRead(dma, PAGE - 10, target));
  t.strictSame(target, source);
  t.equal(dma.range(PAGE - 10, 20, 'read').view, undefined, 'no view of it in one piece');
});

t.test('memory without a descriptor is reached by messages only', async (t) => {
  const { dma, remote, mappings } = mixedSpace();
  t.equal(dma.range(0x12000, 8, 'read').view, undefined);
  t.notOk(tryRead(dma, 0x12000, bytes(8, 0)));
  t.notOk(tryWrite(dma, 0x12000, bytes(8, 0)));
  const target = bytes(8, 0);
  const done = dma.read(0x12010, target);
  const [transfer] = remote.transfers;
  t.match(transfer, { kind: 'read', address: 0x12010, mapping: mappings.messages });
  transfer?.data.fill(5);
  transfer?.end();
  await done;
  t.strictSame([...target], [5, 5, 5, 5, 5, 5, 5, 5]);
});

t.test('a range over shared and message memory is cut at the border', async (t) => {
  const { dma, remote, low, high } = mixedSpace();
  low.bytes.fill(1);
  high.bytes.fill(3);
  const target = bytes(PAGE + 16, 0);
  const read = dma.read(0x11ff8, target);
  t.match(remote.transfers, [{ kind: 'read', address: 0x12000, data: { length: PAGE } }]);
  remote.transfers[0]?.data.fill(2);
  remote.transfers[0]?.end();
  await read;
  t.strictSame([...target.subarray(6, 10)], [1, 1, 2, 2]);
  t.strictSame([...target.subarray(PAGE + 6, PAGE + 10)], [2, 2, 3, 3]);

  const write = dma.write(0x11ff8, bytes(PAGE + 16, 9));
  t.equal(low.bytes.at(-1), 9, 'what comes before the message is written at once');
  t.equal(high.bytes[0], 3, 'what comes after it waits');
  remote.transfers[1]?.end();
  await write;
  t.strictSame([...high.bytes.subarray(6, 10)], [9, 9, 3, 3]);
});

t.test('memory that is not mapped is a fault, and nothing is transferred', async (t) => {
  const { dma, low, remote } = mixedSpace();
  for (const iova of [0xffff, 0x14000, 2n ** 63n, -1, Number.NaN]) {
    t.throws(() => tryRead(dma, iova, bytes(1, 0)), { ...FAULT, errno: ENOENT });
    t.throws(() => dma.range(iova, 1, 'read').view, { ...FAULT, errno: ENOENT });
    await t.rejects(dma.write(iova, bytes(1, 0)), { ...FAULT, errno: ENOENT });
  }
  dma.remove(dma.exact(0x13000, PAGE)!);
  await t.rejects(dma.write(0x11ff8, bytes(PAGE + 16, 9)), { ...FAULT, errno: ENOENT });
  t.throws(() => dma.range(0x12ff8, 16, 'read').view, { ...FAULT, errno: ENOENT });
  t.equal(low.bytes.at(-1), 0);
  t.equal(remote.transfers.length, 0);
});

t.test('a view that is asked for at once is the one that its range would give', (t) => {
  const { dma, low } = mixedSpace();
  const readOnly = new TestGuestMemory(PAGE);
  addMapping(dma, mappingOf(0x14000, 1, readOnly, 'r'));
  dma.startDirtyLog(PAGE);
  dma.view(0x10ffe, 4, 'write')?.set([1, 2, 3, 4]);
  t.strictSame([...low.bytes.subarray(0xffe, 0x1002)], [1, 2, 3, 4]);
  const dirty = new Uint8Array(8);
  dma.dirtyLog?.take(0x10, 8, PAGE, dirty);
  t.equal(dirty[0], 0b11, 'both pages of it are dirty');
  t.equal(dma.view(0x11ff8, 16, 'read'), undefined, 'memory behind messages, in part');
  t.equal(dma.view(0x13ff8, 16, 'read'), undefined, 'two mappings');
  t.throws(() => dma.view(0x13ff8, 16, 'write'), { ...FAULT, errno: EACCES });
  t.throws(() => dma.view(0x14000, 1, 'readwrite'), { ...FAULT, errno: EACCES });
  t.throws(() => dma.view(0x14ff8, 16, 'read'), { ...FAULT, errno: ENOENT });
  t.throws(() => dma.view(2n ** 64n - 8n, 16, 'read'), { ...FAULT, errno: ENOENT });
  t.end();
});

t.test('permissions of every piece are checked first', async (t) => {
  const dma = new DmaSpace(ATTACHMENT);
  const [both, readable, writable] = [1, 2, 3].map(() => new TestGuestMemory(PAGE));
  addMapping(dma, mappingOf(0, 1, both));
  addMapping(dma, mappingOf(PAGE, 1, readable, 'r'));
  addMapping(dma, mappingOf(3 * PAGE, 1, writable, 'w'));
  const refused = { ...FAULT, errno: EACCES };
  t.throws(() => tryWrite(dma, PAGE, bytes(1, 1)), refused);
  t.throws(() => dma.range(PAGE, 1, 'readwrite').view, refused);
  t.ok(dma.range(PAGE, 1, 'read').view);
  t.throws(() => tryRead(dma, 3 * PAGE, bytes(1, 0)), refused);
  t.throws(() => dma.range(3 * PAGE, 1, 'readwrite').view, refused);
  t.ok(dma.range(3 * PAGE, 1, 'write').view);
  t.throws(() => dma.range(PAGE - 4, 8, 'write').view, refused);
  await t.rejects(dma.write(PAGE - 4, bytes(8, 1)), refused);
  t.equal(both?.bytes.at(-1), 0, 'the part that is writable is left alone too');
});

t.test('the end of the address space is reached and never passed', async (t) => {
  const dma = new DmaSpace(ATTACHMENT);
  const memory = new TestGuestMemory(PAGE);
  const start = 2n ** 64n - 4096n;
  addMapping(dma, mappingOf(0, 1, new TestGuestMemory(PAGE)));
  addMapping(dma, mappingOf(start, 1, memory));
  t.ok(tryWrite(dma, start + 4092n, bytes(4, 6)));
  t.strictSame([...memory.bytes.subarray(4091)], [0, 6, 6, 6, 6]);
  for (const length of [5, 5000, 2 * PAGE]) {
    t.throws(() => tryWrite(dma, start + 4092n, bytes(length, 1)), {
      ...FAULT,
      errno: ENOENT,
    });
    t.throws(() => dma.range(start + 4092n, length, 'read').view, {
      ...FAULT,
      errno: ENOENT,
    });
  }
});

t.test('addresses above 2^53 are found, in one mapping and across two', async (t) => {
  const dma = new DmaSpace(ATTACHMENT);
  const remote = new ManualRemote(dma.fence);
  dma.connect(remote);
  const start = 2n ** 53n - 4096n;
  const memory = new TestGuestMemory(PAGE);
  addMapping(dma, mappingOf(Number(start), 1, memory));
  addMapping(dma, mappingOf(start + 4096n, 1));
  void dma.write(start + 4090n, bytes(8, 1));
  t.strictSame([...memory.bytes.subarray(4090)], [1, 1, 1, 1, 1, 1]);
  t.match(remote.transfers, [{ address: 2n ** 53n, data: { length: 2 } }]);
});

t.test('an address reaches the client in canonical form', async (t) => {
  const { dma, remote } = mixedSpace();
  void dma.read(0x12000n, bytes(8, 0));
  t.equal(remote.transfers[0]?.address, 0x12000);
});

t.test('a shared write stays behind message writes, and everything stays behind it', async (t) => {
  const { dma, remote, low } = mixedSpace();
  const message = dma.write(0x12000, bytes(4, 1));
  t.notOk(tryWrite(dma, 0x10000, bytes(4, 2)));
  t.equal(dma.range(0x10000, 4, 'write').view, undefined);
  const shared = dma.write(0x10000, bytes(4, 2));
  let seen: number | undefined;
  dma.fence.run(() => {
    seen = low.bytes[0];
  });
  const later = dma.write(0x12000, bytes(4, 3));
  t.equal(low.bytes[0], 0);
  t.equal(remote.transfers.length, 1, 'a message may not overtake the write that waits');
  remote.transfers[0]?.end();
  t.equal(seen, 2, 'a notification finds the data');
  t.equal(remote.transfers.length, 2);
  remote.transfers[1]?.end();
  await Promise.all([message, shared, later]);
  t.ok(tryWrite(dma, 0x10000, bytes(4, 4)), 'and then the way is free');
});

t.test('a shared write behind a message write that is refused is not done', async (t) => {
  const { dma, low, remote } = mixedSpace();
  const data = dma.write(0x12000, bytes(8, 1));
  const entry = dma.write(0x10000, bytes(8, 2));
  remote.transfers[0]?.end(new RemoteError('refused', EFAULT));
  await t.rejects(data, { code: 'VFU_REMOTE_ERROR', errno: EFAULT });
  await t.rejects(entry, { ...FAULT, errno: ECANCELED });
  t.strictSame(low.bytes.subarray(0, 8), bytes(8, 0));
  t.ok(tryWrite(dma, 0x10000, bytes(8, 3)), 'the next one is');
});

t.test('a read finds what was written before it', async (t) => {
  const { dma, remote } = mixedSpace();
  void dma.write(0x12000, bytes(4, 1));
  void dma.write(0x10000, bytes(4, 2));
  const target = bytes(4, 0);
  t.notOk(tryRead(dma, 0x10000, target));
  t.equal(dma.range(0x10000, 4, 'read').view, undefined);
  const read = dma.read(0x10000, target);
  remote.transfers[0]?.end();
  await read;
  t.strictSame([...target], [2, 2, 2, 2]);
});

t.test('unmapping cancels messages under way and revokes the memory', async (t) => {
  const { dma, low, mappings } = mixedSpace();
  const view = dma.range(0x10000, 4, 'write').view;
  view?.fill(1);
  const read = dma.read(0x12000, bytes(4, 0));
  dma.remove(mappings.messages);
  await t.rejects(read, { message: 'cancelled' });
  dma.remove(mappings.low);
  t.ok(low.closed);
  t.strictSame([...(view ?? [])], [0, 0, 0, 0]);
  t.throws(() => tryRead(dma, 0x10000, bytes(1, 0)), { ...FAULT, errno: ENOENT });
  t.equal(dma.mappingCount, 1);
});

t.test(
  'a write that waits is lost with its mapping, also when the range is mapped anew',
  async (t) => {
    const { dma, remote, mappings } = mixedSpace();
    const message = dma.write(0x12000, bytes(4, 1));
    const shared = dma.write(0x10000, bytes(4, 2));
    dma.remove(mappings.low);
    const fresh = new TestGuestMemory(2 * PAGE);
    addMapping(dma, mappingOf(0x10000, 2, fresh));
    remote.transfers[0]?.end();
    await message;
    await t.rejects(shared, { ...FAULT, errno: ECANCELED });
    t.equal(fresh.bytes[0], 0);
  },
);

t.test('a failed part fails the transfer once the other parts have ended', async (t) => {
  const { dma, remote } = mixedSpace();
  addMapping(dma, mappingOf(0x14000, 1));
  let failed = false;
  const write = dma.write(0x12000, bytes(3 * PAGE, 1)).catch(() => {
    failed = true;
  });
  remote.transfers[0]?.end(new Error('refused'));
  await new Promise(setImmediate);
  t.notOk(failed, 'the buffer is still in use');
  remote.transfers[1]?.end();
  await write;
  t.ok(failed);
});

t.test('message memory is a fault once the client is gone', async (t) => {
  const { dma } = mixedSpace();
  dma.connect(undefined);
  await t.rejects(dma.read(0x12000, bytes(4, 0)), { ...FAULT, errno: EFAULT });
  await t.rejects(dma.write(0x11ffc, bytes(8, 0)), { ...FAULT, errno: EFAULT });
});

t.test('listeners hear of mappings, with the memory still there on unmap', async (t) => {
  const dma = new DmaSpace(ATTACHMENT);
  const heard: unknown[] = [];
  dma.onMap((iova, length) => heard.push(['map', iova, length]));
  dma.onUnmap((iova, length) =>
    heard.push(['unmap', iova, length, tryRead(dma, iova, bytes(1, 0))]),
  );
  addMapping(dma, mappingOf(PAGE, 2, new TestGuestMemory(2 * PAGE)));
  dma.removeAll();
  t.strictSame(heard, [
    ['map', PAGE, 2 * PAGE],
    ['unmap', PAGE, 2 * PAGE, true],
  ]);
});

t.test('what fails while a mapping goes away is logged, and the rest is done', async (t) => {
  const logged: unknown[] = [];
  const logger = {
    ...silentLogger,
    error: ({ err }: { err?: Error }) => logged.push(err?.message),
  };
  const dma = new DmaSpace(ATTACHMENT, logger);
  const fails = (text: string) => (): never => {
    throw new Error(text);
  };
  const heard: unknown[] = [];
  dma.onMap(fails('map listener'));
  dma.onMap((iova) => heard.push(iova));
  dma.onUnmap(fails('unmap listener'));
  dma.onUnmap((iova) => heard.push(iova));
  dma.connect(Object.assign(new ManualRemote(dma.fence), { cancel: fails('cancel') }));
  const low = new TestGuestMemory(PAGE);
  const high = new TestGuestMemory(PAGE);
  addMapping(dma, mappingOf(0, 1, Object.assign(low, { close: fails('close') })));
  addMapping(dma, mappingOf(PAGE, 1, high));
  dma.startDirtyLog(PAGE);
  tryWrite(dma, 0, bytes(4, 1));
  t.equal(dma.removeAll(), undefined);
  t.equal(dma.mappingCount, 0);
  t.ok(high.closed);
  t.strictSame(heard, [0, PAGE, PAGE, 0]);
  const bits = new Uint8Array(8);
  dma.dirtyLog?.take(0, 1, PAGE, bits);
  t.equal(bits[0], 0, 'nothing is left in the log');
  const once = ['unmap listener', 'cancel'];
  t.strictSame(logged, ['map listener', 'map listener', ...once, ...once, 'close']);
});

t.test('all mappings go from the last to the first, so that none has to move up', async (t) => {
  const { dma } = mixedSpace();
  const gone: unknown[] = [];
  dma.onUnmap((iova) => gone.push(iova));
  dma.removeAll();
  t.strictSame(gone, [0x13000, 0x12000, 0x10000]);
});

t.test('only the exact range names a mapping', async (t) => {
  const { dma, mappings } = mixedSpace();
  t.equal(dma.exact(0x10000, 2 * PAGE), mappings.low);
  t.equal(dma.exact(0x10000, PAGE), undefined);
  t.equal(dma.exact(0x11000, PAGE), undefined);
  t.equal(dma.overlapping(0xf, 3), mappings.low);
  t.equal(dma.overlapping(0xf, 1), undefined);
});

t.test('writes to shared memory are logged, reads and messages are not', async (t) => {
  const { dma, remote } = mixedSpace();
  const dirty = (): number => {
    const bits = new Uint8Array(8);
    dma.dirtyLog?.take(0x10, 4, PAGE, bits);
    return bits[0] as number;
  };
  dma.startDirtyLog(PAGE);
  dma.range(0x10000, 4, 'read').view;
  tryRead(dma, 0x10000, bytes(4, 0));
  t.equal(dirty(), 0);
  tryWrite(dma, 0x11000, bytes(4, 0));
  t.equal(dirty(), 0b10);
  dma.range(0x10ffe, 4, 'write').view;
  t.equal(dirty(), 0b11);
  const write = dma.write(0x11ffc, bytes(PAGE + 8, 1));
  t.equal(dirty(), 0b10, 'the end of the range waits behind the message');
  remote.transfers[0]?.end();
  await write;
  t.equal(dirty(), 0b1000);
  tryWrite(dma, 0x13000, bytes(4, 0));
  dma.remove(dma.exact(0x13000, PAGE)!);
  addMapping(dma, mappingOf(0x13000, 1, new TestGuestMemory(PAGE)));
  t.equal(dirty(), 0, 'a mapping starts clean');
  dma.stopDirtyLog();
  t.equal(dma.dirtyLog, undefined);
});

t.test('exposed memory waits for writes by messages, which the client has yet to do', async (t) => {
  const { dma, remote } = mixedSpace();
  const whole = [{ offset: 0, length: PAGE, address: 0x7000, key: 1 }];
  addMapping(dma, mappingOf(0x20000, 1, undefined, 'rw', whole));
  const first = dma.write(0x12000, bytes(4, 1));
  const second = dma.write(0x20000, bytes(4, 2));
  const read = dma.read(0x20000, bytes(4, 0));
  t.equal(remote.transfers.length, 1, 'only the write by message has left');
  remote.transfers[0]?.end();
  await first;
  t.strictSame(
    remote.transfers.slice(1).map(({ kind, address }) => [kind, address]),
    [['write', 0x20000]],
  );
  remote.transfers[1]?.end();
  await second;
  remote.transfers[2]?.end();
  await read;
});

t.test('writes to exposed memory are logged, as the client does not see them', async (t) => {
  const { dma, remote } = mixedSpace();
  const whole = [{ offset: 0, length: 2 * PAGE, address: 0x7000, key: 1 }];
  const mapping = mappingOf(0x20000, 2, undefined, 'rw', whole);
  addMapping(dma, mapping);
  dma.startDirtyLog(PAGE);
  const report = (): number => {
    const bits = new Uint8Array(8);
    dma.dirtyLog?.take(mapping.firstPage, mapping.pages, PAGE, bits);
    return bits[0] as number;
  };
  const written = dma.write(0x20000 + PAGE, bytes(4, 1));
  t.equal(report(), 0, 'it may not be there yet');
  remote.transfers[0]?.end();
  await written;
  t.equal(report(), 0b10, 'so a report that came too early loses nothing');
});

t.test('a range reads and writes parts of itself, at once or by a promise', async (t) => {
  const { dma, remote, low } = mixedSpace();
  const range = dma.range(0x11ff8, 16, 'readwrite');
  t.equal(range.view, undefined, 'over two mappings');
  t.notOk(range.local, 'the second of which takes messages');
  t.equal(range.write(bytes(8, 5)), undefined, 'the first part is done at once');
  t.strictSame([...low.bytes.subarray(-9)], [0, 5, 5, 5, 5, 5, 5, 5, 5]);
  const target = bytes(4, 0);
  t.equal(range.read(target, 4), undefined);
  t.strictSame([...target], [5, 5, 5, 5]);
  const writing = range.write(bytes(4, 6), 10);
  t.match(remote.transfers, [{ kind: 'write', address: 0x12002, data: { length: 4 } }]);
  remote.transfers[0]?.end();
  await writing;
  t.throws(() => range.write(bytes(4, 0), 13), RangeError);
  t.throws(() => range.read(bytes(17, 0)), RangeError);
  t.throws(() => range.read(bytes(1, 0), -1), RangeError);
  t.throws(() => dma.range(0x10000, 4, 'read').write(bytes(4, 0)), TypeError);
  t.throws(() => dma.range(0x10000, 4, 'write').read(bytes(4, 0)), TypeError);
});

t.test('a range that was kept finds what is mapped there now, with its rights', async (t) => {
  const { dma, mappings } = mixedSpace();
  const range = dma.range(0x10000, 8, 'write');
  const over = dma.range(0x11ffc, 8, 'read');
  dma.remove(mappings.low);
  for (const use of [
    () => range.write(bytes(8, 1)),
    () => range.view,
    () => range.local,
    () => over.read(bytes(8, 0)),
  ]) {
    t.throws(use, { ...FAULT, errno: ENOENT });
  }
  const again = new TestGuestMemory(2 * PAGE);
  addMapping(dma, mappingOf(0x10000, 2, again));
  t.equal(range.write(bytes(8, 2)), undefined);
  t.equal(again.bytes[7], 2);
  dma.remove(dma.exact(0x10000, 2 * PAGE)!);
  addMapping(dma, mappingOf(0x10000, 2, new TestGuestMemory(2 * PAGE), 'r'));
  t.throws(() => range.write(bytes(8, 3)), { ...FAULT, errno: EACCES });
});

t.test('a range that lost its end stays a fault until all of it is mapped again', async (t) => {
  const { dma, low, remote, mappings } = mixedSpace();
  const range = dma.range(0x11ffc, 8, 'readwrite');
  void dma.remove(mappings.messages);
  const lost = { ...FAULT, errno: ENOENT, message: /0x12000/ };
  for (const attempt of ['first', 'second']) {
    t.throws(() => range.write(bytes(8, 1)), lost, `${attempt} write`);
    t.throws(() => range.read(bytes(8, 0)), lost, `${attempt} read`);
    t.throws(() => range.view, lost, `${attempt} view`);
    t.throws(() => range.local, lost, `${attempt} look`);
  }
  t.strictSame([...low.bytes.subarray(2 * PAGE - 4)], [0, 0, 0, 0], 'nothing is half done');
  t.equal(remote.transfers.length, 0);
  const again = new TestGuestMemory(PAGE);
  addMapping(dma, mappingOf(0x12000, 1, again));
  t.equal(range.write(bytes(8, 2)), undefined);
  t.strictSame([...low.bytes.subarray(2 * PAGE - 4)], [2, 2, 2, 2]);
  t.strictSame([...again.bytes.subarray(0, 5)], [2, 2, 2, 2, 0]);
});

t.test('an access within a range over many mappings looks at those that it needs', async (t) => {
  const dma = new DmaSpace(ATTACHMENT);
  const memories = Array.from({ length: 1000 }, () => new TestGuestMemory(PAGE));
  let looks = 0;
  for (const [page, memory] of memories.entries()) {
    const mapping = addMapping(dma, mappingOf(page * PAGE, 1, memory));
    let mapped = true;
    Object.defineProperty(mapping, 'mapped', {
      get: () => {
        looks++;
        return mapped;
      },
      set: (value: boolean) => {
        mapped = value;
      },
    });
  }
  const range = dma.range(16, 999 * PAGE, 'readwrite');
  const target = new Uint8Array(PAGE);
  for (const page of [0, 1, 500, 997, 998]) {
    looks = 0;
    range.write(bytes(PAGE, page & 0xff), page * PAGE);
    range.read(target, page * PAGE);
    t.ok(looks <= 4, `${looks} looks`);
    t.ok(target.every((byte) => byte === (page & 0xff)));
    t.equal(memories[page]?.bytes[16], page & 0xff);
    t.equal(memories[page + 1]?.bytes[15], page & 0xff);
  }
  range.write(bytes(0, 0), 999 * PAGE);
  void dma.remove(dma.exact(998 * PAGE, PAGE)!);
  t.throws(() => range.read(target), { ...FAULT, errno: ENOENT }, 'it notices what is unmapped');
});

t.test('memory that fails is an error of the call, or of its promise if others move', async (t) => {
  const { dma, remote } = mixedSpace();
  const broken = new TestGuestMemory(PAGE);
  broken.write = () => {
    throw new DmaFaultError(EFAULT, 'no page');
  };
  addMapping(dma, mappingOf(0x14000, 1, broken));
  const alone = dma.range(0x14000, 4, 'write');
  t.throws(() => alone.write(bytes(4, 1)), { ...FAULT, errno: EFAULT });
  addMapping(dma, mappingOf(0x15000, 1));
  t.throws(() => dma.range(0x14ffc, 8, 'write').write(bytes(8, 1)), {
    ...FAULT,
    errno: EFAULT,
  });
  t.equal(remote.transfers.length, 0, 'nothing behind it has left');
  dma.remove(dma.exact(0x13000, PAGE)!);
  addMapping(dma, mappingOf(0x13000, 1, undefined));
  const mixed = dma.range(0x13ffc, 8, 'write').write(bytes(8, 1));
  remote.transfers[0]?.end();
  await t.rejects(
    mixed ?? Promise.resolve(),
    { ...FAULT, errno: EFAULT },
    'behind a message it fails in its turn',
  );
});

t.test('a mapping is removed once, whatever is mapped there since', async (t) => {
  const dma = new DmaSpace(ATTACHMENT);
  const gone: unknown[] = [];
  dma.onUnmap((iova) => gone.push(iova));
  const first = addMapping(dma, mappingOf(0x10000, 1, new TestGuestMemory(PAGE)));
  dma.remove(first);
  const memory = new TestGuestMemory(PAGE);
  addMapping(dma, mappingOf(0x10000, 1, memory));
  dma.remove(first);
  t.strictSame(gone, [0x10000]);
  t.ok(tryWrite(dma, 0x10000, bytes(4, 7)));
  t.equal(memory.bytes[0], 7);
});
