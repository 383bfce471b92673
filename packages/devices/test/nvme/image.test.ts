import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { silentLogger, type VfioUserError } from '@vfio-user/core';
import { canPunchHoles } from '@vfio-user/posix-ffi';
import t, { type Test } from 'tap';
import { type Image, type ImageOptions, openImage } from '../../src/nvme/storage/image.js';
import { openFailed } from '../../src/nvme/storage/image-errors.js';
import { Driver, PAGE, pattern } from './driver.js';
import { loopDevice, needsRoot, temporaryFolder } from './loop-device.js';

const MIB = 2 ** 20;
const NOBODY = 65534;

const refused = (message: RegExp, advice?: RegExp) => ({
  code: 'VFU_CONFIG_INVALID',
  message,
  ...(advice && { advice }),
});

/** Opens with defaults, and closes again. */
function open(path: string, rest: Partial<ImageOptions> = {}): Image {
  const image = openImage({ path, isReadOnly: false, ...rest }, silentLogger);
  closeSync(image.number);
  return image;
}

t.test('a missing image is created with size=, and says what to do without', async (t) => {
  const folder = t.testdir({ link: t.fixture('symlink', 'nowhere') });
  const missing = join(folder, 'missing');
  t.throws(() => open(missing), refused(/there is no such file$/, /give size=\.\.\. to create it/));
  t.throws(
    () => open(missing, { isReadOnly: true, size: MIB }),
    refused(/there is no such file$/, /readonly=true creates nothing/),
  );
  t.throws(
    () => open(join(folder, 'no/disk'), { size: MIB }),
    refused(/its folder does not exist/, /Create/),
  );
  t.throws(() => open(join(folder, 'link')), refused(/a symbolic link that leads nowhere/));
  t.notOk(existsSync(missing), 'nothing was made');
  t.equal(open(missing, { size: MIB }).size, MIB);
  t.equal(statSync(missing).mode & 0o777, 0o600);
  t.equal(open(join(folder, 'link'), { size: MIB }).size, MIB, 'a link is followed');
});

t.test('a missing device is not made into a file', async (t) => {
  for (const path of ['/dev/vfio-user-test', '/dev/shm/../vfio-user-test']) {
    const message = refused(/there is no such device/, /Attach it/);
    t.throws(() => open(path), message);
    t.throws(() => open(path, { size: MIB }), message);
  }
  t.notOk(existsSync('/dev/vfio-user-test'));
  const path = `/dev/shm/vfio-user-test-${process.pid}`;
  t.teardown(() => rmSync(path));
  t.equal(open(path, { size: MIB }).size, MIB, 'files in memory are files');
});

t.test('an image that another server created meanwhile is not removed', async (t) => {
  const path = join(t.testdir(), 'disk');
  const first = openImage({ path, size: MIB, isReadOnly: false }, silentLogger);
  t.teardown(() => closeSync(first.number));
  const errors = await import('../../src/nvme/storage/image-errors.js');
  // What the second one saw when it looked, just before.
  const { openImage: openLate } = await t.mockImport<
    typeof import('../../src/nvme/storage/image.js')
  >('../../src/nvme/storage/image.js', {
    '../../src/nvme/storage/image-errors.js': { ...errors, statImage: () => undefined },
  });
  t.throws(() => openLate({ path, size: MIB, isReadOnly: false }, silentLogger), /is in use/);
  t.equal(statSync(path).size, MIB);
});

t.test('what cannot be an image is refused for what it is', async (t) => {
  const folder = t.testdir({ empty: '', folder: {}, file: '' });
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  for (const size of [undefined, MIB]) {
    t.throws(
      () => open(join(folder, 'folder'), { size }),
      refused(/it is a folder/, /Name a file in/),
    );
    t.throws(() => open('/dev/null', { size }), refused(/neither a file nor a block/));
  }
  t.throws(() => open(join(folder, 'pipe'), { isReadOnly: true }), refused(/neither/));
  t.throws(() => open(join(folder, 'file/disk')), refused(/a part of the path is a file/));
  t.throws(() => open(join(folder, 'empty')), refused(/no block; give size/));
});

t.test('the size of a file is not changed but by a larger size=', async (t) => {
  const small = join(t.testdir({ small: Buffer.alloc(8192) }), 'small');
  t.throws(() => open(small, { size: 4096 }), refused(/8192 bytes.*leave size out/));
  t.throws(
    () => open(small, { size: 16384, isReadOnly: true }),
    refused(/8192 bytes and readonly/),
  );
  t.equal(statSync(small).size, 8192, 'untouched');
  t.equal(open(small, { size: 16384 }).size, 16384);
  t.equal(statSync(small).size, 16384, 'grown');
});

t.test('a file that could not get its size is not left behind', async (t) => {
  const file = join(t.testdir(), 'disk');
  t.throws(
    () => open(file, { size: Number.MAX_SAFE_INTEGER }),
    refused(/larger than .* allows|the disk is full|EINVAL/),
  );
  t.notOk(existsSync(file));
});

t.test('a file as long as files can be is served', async (t) => {
  const path = join(t.testdir({ disk: '' }), 'disk');
  const number = openSync(path, 'r+');
  t.teardown(() => closeSync(number));
  t.type(canPunchHoles({ number }, Number.MAX_SAFE_INTEGER - 8191), 'boolean');
});

t.test('an image that is refused late is closed, and gone if it is new', async (t) => {
  const { openImage: openSwap } = await t.mockImport<
    typeof import('../../src/nvme/storage/image.js')
  >('../../src/nvme/storage/image.js', {
    '../../src/nvme/storage/deallocation.js': {
      deallocationOf() {
        throw Object.assign(new Error('fallocate'), { code: 'ETXTBSY' });
      },
    },
  });
  const path = join(t.testdir(), 'disk');
  const descriptors = readdirSync('/proc/self/fd').length;
  t.throws(
    () => openSwap({ path, size: MIB, isReadOnly: false }, silentLogger),
    refused(/disk: ETXTBSY: it is swap space in use/),
  );
  t.equal(readdirSync('/proc/self/fd').length, descriptors);
  t.notOk(existsSync(path));
});

t.test('what keeps a file from being changed is named', needsRoot, async (t) => {
  const folder = temporaryFolder(t);
  const program = join(folder, 'program');
  copyFileSync('/bin/sleep', program);
  const child = spawn(program, ['60']);
  await once(child, 'spawn');
  t.throws(() => open(program), refused(/a program that runs$/));
  child.kill();
  await once(child, 'close');

  const kept = join(folder, 'kept');
  writeFileSync(kept, Buffer.alloc(512));
  const error = Object.assign(new Error('EPERM'), { code: 'EPERM' });
  t.match(openFailed(kept, error, { isReadOnly: false }, true).advice, /lsattr` shows/);
  t.match(openFailed('/dev/missing', error, { isReadOnly: false }, true).advice, /container/);

  t.throws(() => open('/proc/disk', { size: MIB }), refused(/cannot be created there/));
});

t.test('permissions that are missing are named, with a way out', needsRoot, async (t) => {
  const folder = temporaryFolder(t);
  const readable = join(folder, 'readable');
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'locked'), { mode: 0o700 });
  writeFileSync(join(folder, 'secret'), Buffer.alloc(512), { mode: 0o600 });
  writeFileSync(readable, Buffer.alloc(512), { mode: 0o644 });
  asNobody(t, () => {
    t.throws(() => open(readable), refused(/may read it but not write to it/, /readonly=true/));
    t.equal(open(readable, { isReadOnly: true }).size, 512);
    t.throws(
      () => open(join(folder, 'secret')),
      refused(/may not read it/, /Change its permissions/),
    );
    t.throws(
      () => open(join(folder, 'new'), { size: MIB }),
      refused(/may not write there/, /permissions/),
    );
    t.throws(
      () => open(join(folder, 'locked/disk')),
      refused(/may not look into its folder$/, /permissions/),
    );
  });
});

t.test('no reason but absence asks for size=', async (t) => {
  const failed = (code: string, exists: boolean, size?: number): VfioUserError => {
    const error = Object.assign(new Error(`${code}: said the system`), { code });
    return openFailed('/srv/disk', error, { isReadOnly: false, size }, exists);
  };
  for (const code of ['EACCES', 'EPERM', 'EROFS', 'ENXIO', 'EMFILE', 'ELOOP', 'ENOTDIR']) {
    const { message, advice } = failed(code, true);
    t.notMatch(`${message} ${advice}`, /size=/, code);
  }
  t.match(failed('EROFS', true).advice, /Give readonly=true/);
  t.match(failed('EROFS', false, MIB).advice, /Choose a path/, 'nothing is there to be read');
  t.match(failed('ENOSPC', false, MIB), refused(/the disk is full/, /another/));
});

t.test('blocks on a block device', needsRoot, async (t) => {
  const file = loopDevice(t, 16 * MIB);
  const first = await Driver.create('mapped', { file });
  first.enable();
  const page = first.pages();
  await first.execute({ opcode: 0x06, namespaceId: 1, prp1: page, dwords: [0] });
  t.equal(Buffer.from(first.bytes(page, 8)).readBigUInt64LE(), 32768n, 'NSZE, 512-byte blocks');
  const queue = await first.queuePair(1);
  first.bytes(page, PAGE).set(pattern(PAGE));
  const last = 32768 - 8;
  const write = { opcode: 1, namespaceId: 1, prp1: page, dwords: [last, 0, 7] };
  t.equal((await first.submit(queue, write)).status, 0);
  t.equal((await first.submit(queue, { opcode: 0, namespaceId: 1 })).status, 0, 'flush');
  const beyond = { ...write, dwords: [last + 1, 0, 7] };
  t.equal((await first.submit(queue, beyond)).status, 0x80, 'LBA out of range');
  await first.device.close?.();
  t.same(readFileSync(file).subarray(-PAGE), Buffer.from(pattern(PAGE)));
});

t.test('a block device keeps its size', needsRoot, async (t) => {
  const device = loopDevice(t, 16 * MIB);
  t.match(open(device), { size: 16 * MIB, isBlockDevice: true, blockBytes: 512 });
  t.equal(open(device, { size: 16 * MIB }).size, 16 * MIB);
  for (const size of [MIB, 32 * MIB]) {
    t.throws(() => open(device, { size }), refused(/a device of 16777216 bytes.*leave size out/));
  }
});

t.test('the blocks of a device are not cut', needsRoot, async (t) => {
  const device = loopDevice(t, 16 * MIB, '--sector-size', '4096');
  t.equal(open(device).blockBytes, 4096);
  t.throws(() => open(device, { lba: 512 }), refused(/has blocks of 4096 bytes; leave lba out/));
  t.equal(open(loopDevice(t, MIB), { lba: 4096 }).blockBytes, 4096, 'larger ones are made of them');
});

t.test('a read-only device needs readonly=true', needsRoot, async (t) => {
  const device = loopDevice(t, MIB, '--read-only');
  t.throws(() => open(device), refused(/the device is read-only; give readonly=true/));
  t.match(open(device, { isReadOnly: true }), { size: MIB, isReadOnly: true });
});

t.test('a device that is in use is refused, and by whom', needsRoot, async (t) => {
  const device = loopDevice(t, MIB);
  const holder = openSync(device, constants.O_RDWR | constants.O_EXCL);
  const inUse = new RegExp(`in use: open in process ${process.pid} \\(.*node`);
  t.throws(() => open(device), { code: 'VFU_SYSTEM_ERROR', message: inUse });
  t.equal(open(device, { isReadOnly: true }).size, MIB, 'reading disturbs nobody');
  closeSync(holder);
  t.equal(open(device).size, MIB);
});

t.test(
  'a disk is in use while a partition of it is, and the other way round',
  needsRoot,
  async (t) => {
    const disk = loopDevice(t, 16 * MIB);
    const partition = `${disk}p1`;
    execFileSync('addpart', [disk, '1', '2048', '8192']);
    t.teardown(() => execFileSync('delpart', [disk, '1']));
    const message = new RegExp(`in use: open in process ${process.pid} `);
    for (const [held, other] of [
      [partition, disk],
      [disk, partition],
    ] as const) {
      const image = openImage({ path: held, isReadOnly: false }, silentLogger);
      t.throws(() => open(other), { code: 'VFU_SYSTEM_ERROR', message });
      closeSync(image.number);
    }
    t.equal(open(partition).size, 4 * MIB);
  },
);

t.test('a device that is mounted, or has swap, is refused with the place', needsRoot, async (t) => {
  const device = loopDevice(t, 16 * MIB);
  execFileSync('mkswap', [device]);
  execFileSync('swapon', [device]);
  t.teardown(() => execFileSync('swapoff', [device]));
  const message = new RegExp(`in use: swap on ${device}`);
  t.throws(() => open(device), { code: 'VFU_SYSTEM_ERROR', message });

  const mounted = loopDevice(t, 16 * MIB);
  const target = temporaryFolder(t);
  execFileSync('mkfs.ext4', ['-q', mounted]);
  execFileSync('mount', [mounted, target]);
  t.teardown(() => execFileSync('umount', [target]));
  t.throws(() => open(mounted), {
    code: 'VFU_SYSTEM_ERROR',
    message: new RegExp(`in use: mounted on ${target}`),
  });
});

/** Runs as another user, with root's return ticket. */
function asNobody(t: Test, run: () => void): void {
  const { seteuid } = process;
  if (seteuid === undefined) throw new Error('no users here');
  t.teardown(() => seteuid(0));
  seteuid(NOBODY);
  try {
    run();
  } finally {
    seteuid(0);
  }
}
