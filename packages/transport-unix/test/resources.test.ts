import { spawnSync } from 'node:child_process';
import {
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { MappedMemory } from '@vfio-user/core';
import {
  addSeals,
  createEventFd,
  createMemoryFile,
  EventFdReader,
  F_SEAL_SHRINK,
  FileDescriptor,
  socketPair,
} from '@vfio-user/posix-ffi';
import t, { type Test } from 'tap';
import { UnixResources } from '../src/resources/unix-resources.js';
import { openDescriptors } from './support.js';

const root = process.getuid?.() === 0 ? {} : { skip: 'huge pages of its own need root' };
const trusting = new UnixResources(true);
const cautious = new UnixResources(false);
const FAULT = { code: 'VFU_DMA_FAULT', errno: 14 };
const everything = { offset: 0n, length: 4096, readable: true, writable: true };

/** A file that anybody who has it open can cut off, in memory or on a disk. */
function plainFile(
  t: Test,
  length: number,
  where: 'memory' | 'disk' = 'memory',
): { path: string; file: FileDescriptor } {
  const onDisk = t.testdir({});
  const folder = where === 'disk' ? onDisk : mkdtempSync('/dev/shm/vfio-user-test-');
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'file');
  writeFileSync(path, 'x'.repeat(length));
  return { path, file: FileDescriptor.adopt(openSync(path, 'r+')) };
}

function contents(memory: MappedMemory, offset: number, length: number): string {
  const target = new Uint8Array(length);
  memory.read(offset, target);
  return Buffer.from(target).toString('latin1');
}

t.test('memory we made is seen by whoever gets its descriptor', async (t) => {
  const before = openDescriptors();
  const memory = trusting.createMemory('ours', 8192);
  const descriptor = memory.descriptor();
  t.ok(trusting.sameFile(memory, descriptor));
  // Sealed, hence mapped even by somebody who does not trust us.
  const theirs = cautious.mapMemory(descriptor, { ...everything, offset: 4096n });
  theirs.write(0, Buffer.from('hello'));
  t.equal(contents(memory, 4096, 5), 'hello');
  t.equal(theirs.view(0, 4096)?.length, 4096);
  t.equal(theirs.length, 4096);

  const view = theirs.view(0, 5);
  theirs.close();
  view?.fill(1);
  t.equal(view?.[4], 1);
  t.equal(contents(memory, 4096, 5), 'hello', 'a stale view writes nowhere');
  memory.close();
  t.equal(openDescriptors(), before);
  t.throws(() => trusting.createMemory('none', 0), { code: 'VFU_SYSTEM_ERROR' });
});

t.test('a file that could be cut off is mapped for trusted peers only', async (t) => {
  const before = openDescriptors();
  const { file } = plainFile(t, 4096);
  const other = file.duplicate();
  const mapped = trusting.mapMemory(file, everything);
  t.ok(mapped.view(0, 4096));
  mapped.close();

  const copied = cautious.mapMemory(other.duplicate(), everything);
  t.equal(copied.view(0, 1), undefined);
  copied.write(10, Buffer.from('abc'));
  t.equal(contents(copied, 9, 5), 'xabcx');
  for (const [offset, length] of [
    [4096, 1],
    [4095, 2],
    [-1, 1],
    [Number.NaN, 1],
  ] as const) {
    t.throws(() => copied.read(offset, new Uint8Array(length)), RangeError);
    t.throws(() => copied.write(offset, new Uint8Array(length)), RangeError);
  }
  ftruncateSync(other.number, 100);
  t.throws(() => contents(copied, 90, 20), FAULT, 'an error instead of the end of all');
  copied.close();
  t.throws(() => contents(copied, 0, 1), /closed/);
  other.close();
  t.equal(openDescriptors(), before);
});

t.test(
  'memory that is mapped for a trusted peer is no end either when it is cut off',
  async (t) => {
    const { file } = plainFile(t, 3 * 4096);
    const other = file.duplicate();
    const memory = trusting.mapMemory(file, { ...everything, length: 3 * 4096 });
    memory.write(0, new Uint8Array(3 * 4096).fill(1));
    await setImmediate();
    ftruncateSync(other.number, 4096);
    t.throws(() => memory.view(4096, 1), FAULT);
    t.throws(() => memory.read(8192, new Uint8Array(1)), FAULT);
    t.throws(() => memory.write(4095, new Uint8Array(2)), FAULT);
    t.equal(memory.view(0, 4096)?.[4095], 1);
    memory.close();
    other.close();
  },
);

t.test('a file on a disk is never mapped: its pages may fail at any time', async (t) => {
  const { file } = plainFile(t, 4096, 'disk');
  const memory = trusting.mapMemory(file, everything);
  t.equal(memory.view(0, 1), undefined);
  memory.write(0, Buffer.from('abc'));
  t.equal(contents(memory, 0, 4), 'abcx');
  memory.close();
});

t.test('ranges of one file that are copied share a descriptor', async (t) => {
  const { file } = plainFile(t, 3 * 4096);
  const before = openDescriptors();
  const memories = [0n, 4096n, 8192n].map((offset) =>
    cautious.mapMemory(file.duplicate(), { ...everything, offset }),
  );
  t.equal(openDescriptors(), before + 1);
  const [first, second] = memories;
  first?.close();
  first?.close();
  second?.write(0, Buffer.from('2nd'));
  t.equal(second && contents(second, 0, 4), '2ndx');
  for (const memory of memories) memory.close();
  t.equal(openDescriptors(), before);
  file.close();
});

t.test('huge pages of any user are memory, once the host has some', root, async (t) => {
  const pool = '/proc/sys/vm/nr_hugepages';
  const pages = Number(readFileSync(pool, 'utf8'));
  writeFileSync(pool, String(pages + 2));
  t.teardown(() => writeFileSync(pool, String(pages)));
  const folder = mkdtempSync(join(tmpdir(), 'vfio-user-'));
  const mounted = spawnSync('mount', ['-t', 'hugetlbfs', '-o', 'pagesize=2M', 'none', folder]);
  t.equal(mounted.status, 0);
  t.teardown(() => {
    spawnSync('umount', ['-l', folder]);
    rmdirSync(folder);
  });
  const file = FileDescriptor.adopt(openSync(join(folder, 'ram'), 'w+'));
  const length = 2 ** 21;
  ftruncateSync(file.number, length);
  const request = { ...everything, length };
  const mapped = trusting.mapMemory(file.duplicate(), request);
  t.equal(mapped.view(length - 1, 1)?.[0], 0);
  for (const [resources, asked] of [
    [cautious, request],
    [cautious, { ...request, fileIo: true }],
    [trusting, { ...request, fileIo: true }],
  ] as const) {
    const memory = resources.mapMemory(file.duplicate(), asked);
    t.equal(memory.view(0, 1), undefined, 'a peer that could take the page away');
    memory.write(100, Buffer.from('huge'));
    t.equal(contents(mapped, 100, 4), 'huge');
    t.equal(contents(memory, 99, 6), '\0huge\0');
    ftruncateSync(file.number, 0);
    t.throws(() => memory.write(100, Buffer.from('huge')), FAULT);
    ftruncateSync(file.number, length);
    memory.close();
  }
  mapped.close();
  file.close();
});

t.test('a range may start anywhere, also when it is copied', async (t) => {
  const { file } = plainFile(t, 200);
  writeSync(file.number, 'here', 100);
  for (const resources of [trusting, cautious]) {
    const memory = resources.mapMemory(file.duplicate(), {
      offset: 100n,
      length: 50,
      readable: true,
      writable: false,
    });
    t.equal(contents(memory, 0, 5), 'herex');
    t.throws(() => memory.write(0, Uint8Array.of(1)), { code: 'EACCES' });
    memory.close();
  }
  file.close();
});

t.test('what is no memory or too short is refused, and closed', async (t) => {
  const [socket, peer] = socketPair();
  const wrong = [
    createMemoryFile('short', 4095),
    createEventFd(),
    socket,
    FileDescriptor.adopt(openSync('/dev/zero', 'r+')),
  ];
  const copies = wrong.map((file) => file.duplicate());
  for (const [files, resources] of [
    [wrong, trusting],
    [copies, cautious],
  ] as const) {
    for (const file of files) {
      t.throws(() => resources.mapMemory(file, everything), {
        code: 'VFU_SYSTEM_ERROR',
        message: /cannot map the memory that the peer passed/,
      });
      t.ok(file.closed);
    }
  }
  peer.close();

  const { path } = plainFile(t, 4096);
  const readOnly = FileDescriptor.adopt(openSync(path, 'r'));
  t.throws(() => trusting.mapMemory(readOnly, everything), { cause: { code: 'EACCES' } });
  t.ok(readOnly.closed);
  let closed = 0;
  const foreign = {
    close() {
      closed += 1;
    },
  };
  t.throws(() => trusting.mapMemory(foreign, everything), {
    code: 'VFU_UNSUPPORTED',
  });
  t.equal(closed, 1);
});

t.test('the same file is recognised through other descriptors', async (t) => {
  const file = createMemoryFile('one', 8192);
  const other = createMemoryFile('two', 8192);
  const memory = trusting.mapMemory(file.duplicate(), everything);
  t.ok(trusting.sameFile(memory, file));
  t.notOk(file.closed, 'asking does not use it up');
  t.notOk(trusting.sameFile(memory, other));
  const foreign: MappedMemory = {
    length: 1,
    view: () => undefined,
    read() {},
    write() {},
    close() {},
  };
  t.notOk(trusting.sameFile(foreign, file));
  memory.close();
  file.close();
  other.close();
});

t.test('a notifier signals an eventfd, and nothing else', async (t) => {
  const before = openDescriptors();
  const event = createEventFd();
  const notifier = trusting.notifier(event.duplicate());
  notifier.signal();
  notifier.signal();
  t.equal(new EventFdReader(event).read(), 2);
  notifier.close();
  event.close();

  const memory = createMemoryFile('victim', 4096);
  t.throws(() => trusting.notifier(memory), { code: 'VFU_SYSTEM_ERROR', message: /no eventfd/ });
  t.ok(memory.closed);
  t.equal(openDescriptors(), before);
});

t.test('an event source reports signals until it is closed', async (t) => {
  const before = openDescriptors();
  let total = 0;
  let wake: () => void = () => {};
  const source = trusting.createEvent((count) => {
    total += count;
    wake();
  });
  const notifier = trusting.notifier(source.descriptor());
  for (let i = 1; i <= 3; i++) {
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    notifier.signal();
    await woken;
    t.equal(total, i);
  }
  notifier.signal();
  source.close();
  await setImmediate();
  t.equal(total, 3);
  notifier.close();
  t.equal(openDescriptors(), before);
});

t.test('sealing against shrinking is what makes memory safe to map', async (t) => {
  const file = createMemoryFile('sealed already', 4096);
  t.throws(() => addSeals(file, F_SEAL_SHRINK), { code: 'EPERM' });
  const memory = cautious.mapMemory(file, everything);
  t.ok(memory.view(0, 1));
  memory.close();
});
