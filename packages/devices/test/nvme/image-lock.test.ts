import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Logger, silentLogger } from '@vfio-user/core';
import { SystemError } from '@vfio-user/posix-ffi';
import t, { type Test } from 'tap';
import { type Image, openImage } from '../../src/nvme/storage/image.js';
import { loopDevice, needsRoot } from './loop-device.js';

const MIB = 2 ** 20;

const inUse = (message: RegExp) => ({ code: 'VFU_SYSTEM_ERROR', message });

function emptyImage(t: Test): string {
  const path = join(t.testdir(), 'disk');
  writeFileSync(path, Buffer.alloc(MIB));
  return path;
}

/** Opens and keeps open until the test ends. */
function hold(t: Test, path: string, isReadOnly = false): Image {
  const image = openImage({ path, isReadOnly }, silentLogger);
  t.teardown(() => closeSync(image.number));
  return image;
}

/** The bytes that an open file has locked, and that none is locked exclusively. */
function lockedBytes(t: Test, { number }: Image): number[] {
  const info = readFileSync(`/proc/self/fdinfo/${number}`, 'utf8');
  const bytes: number[] = [];
  for (const line of info.matchAll(/^lock:.*OFDLCK +ADVISORY +(\w+) .* (\d+) (\d+)$/gm)) {
    t.equal(line[1], 'READ');
    for (let at = Number(line[2]); at <= Number(line[3]); at++) bytes.push(at);
  }
  return bytes.sort((a, b) => a - b);
}

t.test('the bytes that a device of QEMU locks', async (t) => {
  t.same(lockedBytes(t, hold(t, emptyImage(t))), [100, 101, 201, 203]);
  t.same(lockedBytes(t, hold(t, emptyImage(t), true)), [100, 201, 203]);
});

t.test('one writes, or many read', async (t) => {
  const path = emptyImage(t);
  const who = `in use: open in process ${process.pid} \\(.*node`;
  const first = openImage({ path, isReadOnly: false }, silentLogger);
  t.throws(() => hold(t, path), inUse(new RegExp(`${who}.*two writers would destroy`)));
  t.throws(() => hold(t, path, true), inUse(new RegExp(`${who}.*being written`)));
  closeSync(first.number);
  const reader = openImage({ path, isReadOnly: true }, silentLogger);
  closeSync(openImage({ path, isReadOnly: true }, silentLogger).number);
  t.throws(() => hold(t, path), inUse(new RegExp(`${who}.*being read .*or give readonly=true`)));
  closeSync(reader.number);
  hold(t, path);
});

t.test('an image in use does not grow', async (t) => {
  const path = emptyImage(t);
  hold(t, path);
  const grow = { path, size: 2 * MIB, isReadOnly: false };
  t.throws(() => openImage(grow, silentLogger), inUse(/in use/));
  t.equal(statSync(path).size, MIB);
});

t.test('the refused one leaves no lock behind', async (t) => {
  const path = emptyImage(t);
  const holder = hold(t, path, true);
  t.throws(() => hold(t, path), inUse(/in use/));
  t.same(lockedBytes(t, holder), [100, 201, 203]);
  t.equal(readFileSync('/proc/locks', 'utf8').match(locksOf(path))?.length, 3);
});

t.test('qemu-img and QEMU keep off what is served', async (t) => {
  const path = emptyImage(t);
  const qemu = (program: string, ...options: string[]) => {
    const result = spawnSync(program, [...options, path], { encoding: 'utf8' });
    t.equal(result.error, undefined, `${program} is there`);
    return `${result.status} ${result.stderr}`;
  };
  const write = ['-f', 'raw', '-c', 'write 0 512'];
  const writer = openImage({ path, isReadOnly: false }, silentLogger);
  t.match(qemu('qemu-io', ...write), /^1 .*Failed to get "write" lock/);
  t.match(qemu('qemu-img', 'bench', '-f', 'raw', '-w', '-c', '1'), /^1 .*"write" lock/);
  closeSync(writer.number);
  const reader = openImage({ path, isReadOnly: true }, silentLogger);
  t.match(qemu('qemu-io', ...write), /^1 .*Failed to get "write" lock/);
  t.match(qemu('qemu-img', 'bench', '-f', 'raw', '-c', '1'), /^0 /, 'readers share');
  closeSync(reader.number);
  t.match(qemu('qemu-io', ...write), /^0 /);
});

t.test('what QEMU has open is refused, with its process', async (t) => {
  const path = emptyImage(t);
  const qemu = await holder(t, 'qemu-io', '-f', 'raw', path);
  const who = `open in process ${qemu.pid} \\(qemu-io -f raw`;
  t.throws(() => hold(t, path), inUse(new RegExp(`${who}.*two writers`)));
  t.throws(() => hold(t, path, true), inUse(new RegExp(`${who}.*being written`)));
  qemu.stdin?.end('quit\n');
  await once(qemu, 'close');
  hold(t, path);
});

t.test('a program that locks the whole file keeps us off', async (t) => {
  const path = emptyImage(t);
  const lock = `import fcntl, sys
file = open(sys.argv[1], 'r+')
fcntl.lockf(file, fcntl.LOCK_EX)
print('locked', flush=True)
sys.stdin.read()`;
  const python = await holder(t, 'python3', '-c', lock, path);
  const who = new RegExp(`process ${python.pid} \\(\\S*python3 -c import fcntl, sys file =`);
  t.throws(() => hold(t, path), inUse(who));
  t.throws(() => hold(t, path, true), inUse(who));
  python.stdin?.end();
  await once(python, 'close');
});

t.test('block devices are locked, too', needsRoot, async (t) => {
  const path = loopDevice(t, MIB);
  const reader = openImage({ path, isReadOnly: true }, silentLogger);
  t.throws(() => hold(t, path), inUse(/being read/));
  t.match(spawnSync('qemu-io', ['-f', 'raw', path]).stderr, /Failed to get "write" lock/);
  closeSync(reader.number);
  const qemu = await holder(t, 'qemu-io', '-f', 'raw', path);
  t.throws(() => hold(t, path), inUse(new RegExp(`process ${qemu.pid} \\(qemu-io`)));
  qemu.stdin?.end('quit\n');
  await once(qemu, 'close');
});

t.test('without locks an image is served with a warning', async (t) => {
  const path = emptyImage(t);
  const posix = await import('@vfio-user/posix-ffi');
  const refusals: [string, object, RegExp | undefined][] = [
    ['no lock server', { lockShared: failing(posix.ENOLCK) }, /no locks available .ENOLCK/],
    ['no such locks', { findLock: failing(posix.EOPNOTSUPP) }, /not supported/],
    ['no C library', { unavailableReason: () => 'this is darwin' }, /darwin/],
    ['a failing disk', { lockShared: failing(5) }, undefined],
  ];
  for (const [title, calls, warned] of refusals) {
    const module = '../../src/nvme/storage/image-lock.js';
    const { lockImage } = await t.mockImport<typeof import('../../src/nvme/storage/image-lock.js')>(
      module,
      { '@vfio-user/posix-ffi': { ...posix, ...calls } },
    );
    const warnings: unknown[] = [];
    const warn: Logger['warn'] = (fields) => void warnings.push(fields);
    const lock = () => lockImage({ number: 0, path, isReadOnly: false }, { ...silentLogger, warn });
    if (warned === undefined) t.throws(lock, { code: 'EIO' }, title);
    else lock();
    t.match(warnings, warned === undefined ? [] : [{ path, reason: warned }], title);
  }
});

function failing(errno: number): () => never {
  return () => {
    throw new SystemError(errno, 'fcntl');
  };
}

/** The lines of /proc/locks about a file. */
function locksOf(path: string): RegExp {
  return new RegExp(`^.*:${statSync(path).ino} .*$`, 'gm');
}

/** A process that has the image open once it said something. */
async function holder(t: Test, command: string, ...options: string[]): Promise<ChildProcess> {
  const child = spawn(command, options, { stdio: ['pipe', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  if (command === 'qemu-io') child.stdin.write('length\n');
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'error').then(([error]) => Promise.reject(error)),
  ]);
  return child;
}
