import { spawnSync } from 'node:child_process';
import {
  ftruncateSync,
  mkdtempSync,
  openSync,
  rmdirSync,
  statfsSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { MFD_CLOEXEC } from '../src/constants.js';
import { canCopyGuarded, FileDescriptor, Mapping, memoryBacking } from '../src/index.js';
import { libc } from '../src/libc.js';

const PAGE = 4096;
const MFD_HUGETLB = 4;
const MISSING = { code: 'EFAULT', message: /page cannot be had/ };
const root = process.getuid?.() === 0 ? {} : { skip: 'mounting a file system needs root' };

/** A file of a tmpfs, which anybody who has it open may cut off. */
function tmpfsFile(t: Test, folder: string, bytes: number): FileDescriptor {
  const path = join(folder, `vfio-user-test-${process.pid}-${t.name.replace(/\W/g, '-')}`);
  const file = FileDescriptor.adopt(openSync(path, 'w+'));
  unlinkSync(path);
  ftruncateSync(file.number, bytes);
  t.teardown(() => file.close());
  return file;
}

/** A tmpfs of its own with room for `pages` pages. */
function mountTmpfs(t: Test, pages: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'vfio-user-'));
  const options = `size=${pages * PAGE}`;
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]);
  if (status !== 0) throw new Error(`mount ended with ${status}`);
  t.teardown(() => {
    spawnSync('umount', ['-l', folder]);
    rmdirSync(folder);
  });
  return folder;
}

/** Huge pages of which this process gets none: it asks for more than any machine has. */
function hugePages(t: Test): FileDescriptor {
  const number = libc().memfdCreate('huge', MFD_CLOEXEC | MFD_HUGETLB);
  const file = FileDescriptor.fromSyscall(number, 'memfd_create');
  t.teardown(() => file.close());
  return file;
}

const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(7);

t.test('a file that was cut off is an error, not the end', async (t) => {
  const file = tmpfsFile(t, '/dev/shm', 8 * PAGE);
  const mapping = Mapping.create(file, { length: 8 * PAGE, writable: true, pages: 'always' });
  mapping.write(0, bytes(8 * PAGE));
  await setImmediate();
  ftruncateSync(file.number, 2 * PAGE);
  t.throws(() => mapping.read(2 * PAGE, new Uint8Array(1)), MISSING);
  t.throws(() => mapping.write(2 * PAGE - 1, bytes(2)), MISSING);
  t.throws(() => mapping.view(7 * PAGE, PAGE), MISSING);
  t.throws(() => mapping.copyOut(2 * PAGE, new Uint8Array(1)), MISSING);
  t.throws(() => mapping.copyIn(2 * PAGE - 1, bytes(2)), MISSING);
  const rest = new Uint8Array(2 * PAGE);
  mapping.read(0, rest);
  t.strictSame(rest, bytes(2 * PAGE), 'what is left can be used');
  t.equal(mapping.view(0, 2 * PAGE)?.length, 2 * PAGE);

  await setImmediate();
  ftruncateSync(file.number, 8 * PAGE);
  mapping.read(6 * PAGE, rest);
  t.strictSame(rest, new Uint8Array(2 * PAGE), 'and the rest once the file is long again');
  mapping.revoke();
});

t.test('a file system that is full is an error', root, async (t) => {
  const folder = mountTmpfs(t, 16);
  const file = tmpfsFile(t, folder, 128 * PAGE);
  for (const [offset, pages] of [
    [0n, 'once'],
    [64n * 4096n, 'always'],
  ] as const) {
    const mapping = Mapping.create(file, { offset, length: 64 * PAGE, writable: true, pages });
    mapping.write(0, bytes(2 * PAGE));
    const filler = join(folder, 'filler');
    t.throws(() => writeFileSync(filler, bytes(64 * PAGE)), { code: 'ENOSPC' });
    t.throws(() => mapping.view(32 * PAGE, 1), MISSING);
    t.throws(() => mapping.write(PAGE, bytes(2 * PAGE)), MISSING);
    t.equal(mapping.view(PAGE, 1)?.[0], 7, 'pages that are there stay usable');
    unlinkSync(filler);
    mapping.write(PAGE, bytes(2 * PAGE));
    mapping.revoke();
  }
});

t.test('pages that are not touched are not taken', root, async (t) => {
  const folder = mountTmpfs(t, 64);
  const file = tmpfsFile(t, folder, 64 * PAGE);
  const mapping = Mapping.create(file, { length: 64 * PAGE, writable: true, pages: 'always' });
  const { bfree } = statfsSync(folder);
  mapping.write(10 * PAGE, bytes(2 * PAGE));
  await setImmediate();
  mapping.read(20 * PAGE, new Uint8Array(1));
  t.equal(bfree - statfsSync(folder).bfree, 3);
  mapping.revoke();
});

t.test('huge pages that the host does not have are an error', async (t) => {
  const file = hugePages(t);
  const { kind, pageBytes } = memoryBacking(file);
  t.equal(kind, 'hugetlbfs');
  const length = 2 ** 45;
  ftruncateSync(file.number, length);
  // Far behind everything that the pool could hold, each page is one that must be had anew.
  const options = { offset: BigInt(length - 1024 * pageBytes), length: pageBytes, writable: true };
  const free = statfsSync(`/proc/self/fd/${file.number}`).bfree;
  if (free > 0) t.comment(`${free} huge pages are free on this machine`);
  const mapping = Mapping.create(file, { ...options, pages: 'once' });
  if (free === 0) {
    t.throws(() => mapping.view(0, 1), MISSING);
    t.throws(() => mapping.copyIn(0, bytes(8)), MISSING);
  } else {
    t.equal(mapping.view(0, 1)?.[0], 0);
  }
  mapping.revoke();
});

t.test('copies by system calls carry data both ways, also across pages', async (t) => {
  t.ok(canCopyGuarded());
  const file = tmpfsFile(t, '/dev/shm', 4 * PAGE);
  const mapping = Mapping.create(file, { offset: 100n, length: 3 * PAGE, writable: true });
  const data = Uint8Array.from({ length: 2 * PAGE }, (_, i) => i % 251);
  mapping.copyIn(50, data);
  const back = new Uint8Array(2 * PAGE);
  mapping.copyOut(50, back);
  t.strictSame(back, data);
  mapping.copyOut(0, new Uint8Array(0));
  t.throws(() => mapping.copyOut(3 * PAGE, back), RangeError);
  mapping.revoke();
  t.throws(() => mapping.copyOut(0, back), /revoked/);
});
