import { closeSync, ftruncateSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import {
  addSeals,
  cannotShrink,
  createMemoryFile,
  F_SEAL_GROW,
  FileDescriptor,
  getSeals,
  Mapping,
  readFully,
  socketPair,
  WINDOW_BYTES,
  writeFully,
} from '../src/index.js';
import { openDescriptors } from './open-descriptors.js';

function mappings(name: string): number {
  return readFileSync('/proc/self/maps', 'utf8').split(name).length - 1;
}

function bytesOf(file: FileDescriptor, position: number, length: number): number[] {
  const target = new Uint8Array(length);
  readFully(file, position, target);
  return [...target];
}

t.test('a writable mapping is the file', async (t) => {
  const file = createMemoryFile('shared', 0x3000);
  const mapping = Mapping.create(file, { offset: 0x1000n, length: 0x2000, writable: true });
  mapping.write(4, Uint8Array.of(1, 2, 3));
  t.strictSame(bytesOf(file, 0x1004, 3), [1, 2, 3]);

  writeFully(file, 0x1100, Uint8Array.of(9, 8));
  const view = mapping.view(0x100, 2);
  t.strictSame(view, Uint8Array.of(9, 8));
  view?.fill(5);
  t.strictSame(bytesOf(file, 0x1100, 2), [5, 5]);

  const target = new Uint8Array(3);
  mapping.read(4, target);
  t.strictSame([...target], [1, 2, 3]);
  mapping.revoke();
  file.close();
});

t.test('a mapping may start anywhere in the file, and outlives the descriptor', async (t) => {
  const file = createMemoryFile('unaligned', 0x3000);
  writeFully(file, 0x1234, Uint8Array.of(42));
  const mapping = Mapping.create(file, { offset: 0x1234n, length: 16, writable: true });
  file.close();
  t.equal(mapping.view(0, 1)?.[0], 42);
  mapping.revoke();
});

t.test('ranges outside are refused', async (t) => {
  const file = createMemoryFile('bounds', 0x2000);
  const mapping = Mapping.create(file, { length: 0x1000, writable: true });
  for (const [offset, length] of [
    [0x1000, 1],
    [0xfff, 2],
    [-1, 1],
    [0, -1],
    [Number.NaN, 1],
  ] as const) {
    t.equal(mapping.view(offset, length), undefined);
  }
  t.throws(() => mapping.read(0xfff, new Uint8Array(2)), RangeError);
  t.throws(() => mapping.write(-1, new Uint8Array(1)), RangeError);
  t.equal(mapping.view(0x1000, 0)?.length, 0);
  mapping.revoke();
  file.close();
});

t.test('after a revoke stale views read zeros and write nowhere', async (t) => {
  const file = createMemoryFile('revoked', 0x2000);
  const mapping = Mapping.create(file, { length: 0x2000, writable: true });
  const view = mapping.view(0, 0x2000);
  view?.fill(7);
  t.equal(mappings('memfd:revoked'), 1);

  mapping.revoke();
  mapping.revoke();
  t.equal(mappings('memfd:revoked'), 0, 'the file is let go at once');
  t.equal(view?.[0x1fff], 0);
  view?.fill(9);
  t.strictSame(bytesOf(file, 0, 2), [7, 7]);

  t.equal(mapping.view(0, 1), undefined);
  t.throws(() => mapping.read(0, new Uint8Array(1)), /revoked/);
  t.throws(() => mapping.write(0, new Uint8Array(1)), /revoked/);
  file.close();
});

t.test('the address range is given back with the last view', async (t) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const file = createMemoryFile('collected', 0x2000);
  (() => {
    // Dropped without a revoke: the file stays mapped until the views are gone.
    for (let i = 0; i < 5; i++) Mapping.create(file, { length: 0x2000, writable: true });
  })();
  t.equal(mappings('memfd:collected'), 5);
  for (let i = 0; i < 10 && mappings('memfd:collected') > 0; i++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.equal(mappings('memfd:collected'), 0);
  file.close();
});

t.test('a store through a read-only mapping stays in this process', async (t) => {
  const path = join(t.testdir({ file: 'abcd' }), 'file');
  const file = FileDescriptor.adopt(openSync(path, 'r'));
  t.throws(() => Mapping.create(file, { length: 4, writable: true }), {
    code: 'EACCES',
    syscall: 'mmap',
  });
  const mapping = Mapping.create(file, { length: 4, writable: false });
  const view = mapping.view(0, 4);
  writeFileSync(path, 'wxyz', { flag: 'r+' });
  t.equal(Buffer.from(view ?? []).toString(), 'wxyz', 'changes of the file are seen');
  view?.fill(0);
  t.equal(readFileSync(path, 'latin1'), 'wxyz');
  mapping.revoke();
  file.close();
});

t.test('memory above 1 GiB is viewed in windows and copied across them', async (t) => {
  const length = 2 * WINDOW_BYTES + 0x2000; // sparse: only what is touched exists
  const file = createMemoryFile('big', length + 0x1000);
  const mapping = Mapping.create(file, { offset: 0x800n, length, writable: true });
  const border = WINDOW_BYTES - 0x800;
  t.equal(mapping.view(border - 8, 8)?.length, 8);
  t.equal(mapping.view(border, 8)?.length, 8);
  t.equal(mapping.view(border - 4, 8), undefined);
  t.equal(mapping.view(length - 1, 1)?.length, 1);

  mapping.write(border - 4, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  t.strictSame(bytesOf(file, WINDOW_BYTES - 4, 8), [1, 2, 3, 4, 5, 6, 7, 8]);
  const target = new Uint8Array(8);
  mapping.read(border - 4, target);
  t.strictSame([...target], [1, 2, 3, 4, 5, 6, 7, 8]);
  mapping.revoke();
  file.close();
});

t.test('what cannot be mapped is refused before anything is touched', async (t) => {
  const before = openDescriptors();
  const file = createMemoryFile('short', 0x1000);
  const create = (of: FileDescriptor, offset: bigint, length: number) => () =>
    Mapping.create(of, { offset, length, writable: true });
  t.throws(create(file, 0n, 0x1001), { code: 'EINVAL', message: /4096 bytes, which is too short/ });
  t.throws(create(file, 0x1000n, 1), { code: 'EINVAL' });
  t.throws(create(file, 1n << 63n, 1), { code: 'EINVAL' });
  t.throws(create(file, -1n, 1), RangeError);
  for (const length of [0, -1, 0.5, 2 ** 60]) t.throws(create(file, 0n, length), RangeError);

  const zero = FileDescriptor.adopt(openSync('/dev/zero', 'r+'));
  const [a, b] = socketPair();
  for (const other of [zero, a]) t.throws(create(other, 0n, 1), { code: 'ENODEV' });
  for (const each of [file, zero, a, b]) each.close();
  t.equal(openDescriptors(), before);
});

t.test('memory of ours can be neither cut off nor extended', async (t) => {
  const file = createMemoryFile('sealed', 0x1000);
  t.ok(cannotShrink(file));
  t.throws(() => ftruncateSync(file.number, 0), { code: 'EPERM' });
  t.throws(() => ftruncateSync(file.number, 0x2000), { code: 'EPERM' });
  t.throws(() => addSeals(file, F_SEAL_GROW), { code: 'EPERM', syscall: 'fcntl' });
  file.close();

  const path = join(t.testdir({ file: 'x' }), 'file');
  const plain = FileDescriptor.adopt(openSync(path, 'r'));
  t.notOk(cannotShrink(plain));
  t.type(getSeals(plain), 'number');
  plain.close();
  for (const length of [0, -1, 2 ** 60]) {
    t.throws(() => createMemoryFile('odd', length), RangeError);
  }
});

t.test('file access reports an end that came too early', async (t) => {
  const path = join(t.testdir({ file: 'abcd' }), 'file');
  const number = openSync(path, 'r');
  const file = FileDescriptor.adopt(number);
  t.throws(() => readFully(file, 2, new Uint8Array(3)), { code: 'EIO', syscall: 'pread' });
  t.throws(() => writeFully(file, 0, Uint8Array.of(1)), { code: 'EBADF', syscall: 'pwrite' });
  readFully(file, 0, new Uint8Array(0));
  const target = new Uint8Array(3);
  readFully(file, 1, target.subarray(1));
  t.equal(Buffer.from(target).toString(), '\0bc');
  t.equal(readSync(number, target, 0, 3, 0), 3);
  file.close();
  t.throws(() => closeSync(number), { code: 'EBADF' });
});
