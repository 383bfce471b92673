import { execFileSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { silentLogger } from '@vfio-user/core';
import * as posix from '@vfio-user/posix-ffi';
import { createAttribute, getAttribute, type OpenFile } from '@vfio-user/posix-ffi';
import t, { type Test } from 'tap';
import { nvme } from '../../src/nvme/index.js';
import { blockDeviceName } from '../../src/nvme/storage/block-device-name.js';
import { openImage } from '../../src/nvme/storage/image.js';
import { Driver } from './driver.js';
import { loopDevice, needsRoot, temporaryFolder } from './loop-device.js';

const ATTRIBUTE = 'user.vfio-user.uuid';
const UUID = 'c0ffee00-1234-4abc-8def-0123456789ab';

function uuidOf(path: string, isReadOnly = false): string {
  const image = openImage({ path, isReadOnly }, silentLogger);
  closeSync(image.number);
  return Buffer.from(image.uuid).toString('hex');
}

function withFile<T>(path: string, run: (file: OpenFile) => T): T {
  const number = openSync(path, 'r+');
  try {
    return run({ number });
  } finally {
    closeSync(number);
  }
}

const attributeOf = (path: string): string | undefined =>
  withFile(path, (file) => getAttribute(file, ATTRIBUTE, 64))?.toString();

const setAttribute = (path: string, value: string): void =>
  withFile(path, (file) => createAttribute(file, ATTRIBUTE, Buffer.from(value)));

function makeImage(path: string): string {
  writeFileSync(path, Buffer.alloc(4096));
  return path;
}

/** A file system without extended attributes. */
function plainFileSystem(t: Test): string {
  const folder = join(temporaryFolder(t), 'mounted');
  mkdirSync(folder);
  execFileSync('mount', ['-t', 'ramfs', 'ramfs', folder]);
  t.teardown(() => execFileSync('umount', [folder]));
  return folder;
}

t.test('an image keeps its UUID where it goes, and a copy has its own', async (t) => {
  const folder = t.testdir();
  const path = makeImage(join(folder, 'disk'));
  const uuid = uuidOf(path);
  t.equal(uuidOf(path), uuid, 'at the next start');
  t.equal(uuidOf(path, true), uuid, 'read-only');
  const moved = join(folder, 'moved');
  renameSync(path, moved);
  t.equal(uuidOf(moved), uuid);
  symlinkSync(moved, join(folder, 'link'));
  t.equal(uuidOf(join(folder, 'link')), uuid);
  copyFileSync(moved, path);
  t.not(uuidOf(path), uuid);
  execFileSync('cp', ['--preserve=xattr', moved, join(folder, 'twin')]);
  t.equal(uuidOf(join(folder, 'twin')), uuid, 'a copy with its attributes is the same disk');
  t.notOk(existsSync(`${moved}.uuid`), 'no file beside it');
});

t.test('a UUID that somebody wrote is taken', async (t) => {
  const folder = t.testdir({ 'second.uuid': `${UUID.toUpperCase()}\n` });
  const first = makeImage(join(folder, 'first'));
  setAttribute(first, UUID);
  t.equal(uuidOf(first), UUID.replaceAll('-', ''));
  const second = makeImage(join(folder, 'second'));
  t.equal(uuidOf(second), UUID.replaceAll('-', ''));
  t.equal(attributeOf(second), undefined, 'and left where it is');
});

t.test('what is no UUID is refused with its place', async (t) => {
  const folder = t.testdir({ 'b.uuid': '', 'c.uuid': 'x'.repeat(100), 'd.uuid': {} });
  const wrong = ['', 'x'.repeat(100), '00000000-0000-0000-0000-000000000000', `${UUID}0`];
  const openFiles = () => readdirSync('/proc/self/fd').length;
  const before = openFiles();
  const refused = (message: RegExp) => ({ code: 'VFU_CONFIG_INVALID', message });
  for (const [index, value] of wrong.entries()) {
    const path = makeImage(join(folder, `attribute${index}`));
    setAttribute(path, value);
    t.throws(() => uuidOf(path), refused(/attribute user\.vfio-user\.uuid holds no UUID: write/));
  }
  for (const name of ['b', 'c', 'd']) {
    const path = makeImage(join(folder, name));
    t.throws(() => uuidOf(path), refused(new RegExp(`${name}\\.uuid holds no UUID: write`)));
  }
  t.equal(openFiles(), before, 'no file stays open, and so no lock');
});

t.test('without attributes, a file beside the image holds it', needsRoot, async (t) => {
  const folder = plainFileSystem(t);
  const path = makeImage(join(folder, 'disk'));
  const uuid = uuidOf(path);
  t.match(readFileSync(`${path}.uuid`, 'utf8'), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n$/);
  t.equal(uuidOf(path), uuid);
  const moved = join(folder, 'moved');
  renameSync(path, moved);
  renameSync(`${path}.uuid`, `${moved}.uuid`);
  t.equal(uuidOf(moved), uuid, 'moved with it');
  copyFileSync(moved, path);
  t.not(uuidOf(path), uuid, 'a copy has its own');

  execFileSync('mount', ['-o', 'remount,ro', folder]);
  t.equal(uuidOf(moved, true), uuid, 'kept on a read-only file system');
});

t.test('an image that may not be changed has a UUID of its place', async (t) => {
  const folder = t.testdir({ other: {} });
  const path = makeImage(join(folder, 'disk'));
  const before = statSync(path, { bigint: true });
  const uuid = uuidOf(path, true);
  t.equal(uuidOf(path, true), uuid, 'stable');
  t.equal(attributeOf(path), undefined);
  t.equal(statSync(path, { bigint: true }).ctimeNs, before.ctimeNs, 'nothing was changed');
  t.notOk(existsSync(`${path}.uuid`));
  t.not(uuidOf(makeImage(join(folder, 'other/disk')), true), uuid);
  const systemText = (path: string) =>
    path === '/etc/machine-id' ? 'of another machine' : posix.systemText(path);
  const elsewhere = await t.mockImport<typeof import('../../src/nvme/storage/image-identity.js')>(
    '../../src/nvme/storage/image-identity.js',
    { '@vfio-user/posix-ffi': { ...posix, systemText } },
  );
  const other = withFile(path, ({ number }) =>
    elsewhere.imageUuid({ path, number, isBlockDevice: false, isReadOnly: true }, silentLogger),
  );
  t.not(Buffer.from(other).toString('hex'), uuid, 'the same path on another machine');
});

t.test('a block device has a UUID that does not change', needsRoot, async (t) => {
  const path = loopDevice(t, 2 ** 20);
  t.equal(uuidOf(path), uuidOf(path));
  t.equal(uuidOf(path, true), uuidOf(path));
  t.not(uuidOf(path), uuidOf(loopDevice(t, 2 ** 20)));
});

t.test('what the kernel knows a block device by', async (t) => {
  const root = t.testdir();
  const device = (id: string, attributes: Readonly<Record<string, string>>): void => {
    for (const [name, value] of Object.entries(attributes)) {
      const path = join(root, 'dev/block', id, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, `${value}\n`);
    }
  };
  const nameOf = (minor: number) => blockDeviceName((8 << 8) | minor, root);
  device('8:1', { 'dm/uuid': 'LVM-abcdef' });
  device('8:2', { 'dm/uuid': 'CRYPT-PLAIN-secret' });
  device('8:3', { wwid: 'eui.0025385b71b00f2a' });
  device('8:4', { 'device/wwid': 'naa.600140512345678' });
  device('8:5', { 'device/wwid': 't10.QEMU    QEMU HARDDISK   drive-scsi0' });
  device('8:6', {
    'device/cluster_fsid': 'a7f6',
    'device/pool_id': '3',
    'device/image_id': '10ab',
    'device/current_snap': '-',
  });
  device('8:7', { 'device/pool_id': '3', 'device/image_id': '10ab' });
  t.equal(nameOf(1), 'LVM-abcdef');
  t.equal(nameOf(2), undefined, 'a name that anybody may choose');
  t.equal(nameOf(3), 'eui.0025385b71b00f2a');
  t.equal(nameOf(4), 'naa.600140512345678');
  t.equal(nameOf(5), undefined, 'a number that QEMU gives to many');
  t.equal(nameOf(6), 'rbd-a7f6-3-10ab--');
  t.equal(nameOf(7), undefined, 'not all of it');
  t.equal(nameOf(9), undefined, 'nothing');

  // A partition's folder lies in the folder of its disk.
  device('8:16', { wwid: 'naa.5000c500a1b2c3d4', 'sda1/partition': '1' });
  symlinkSync('8:16/sda1', join(root, 'dev/block/8:17'));
  t.equal(nameOf(16), 'naa.5000c500a1b2c3d4');
  t.equal(nameOf(17), 'naa.5000c500a1b2c3d4-part1');
});

/** Serial number, SUBNQN, NGUID and UUID, as a driver reads them. */
async function identify(set: Record<string, unknown>): Promise<Record<string, string>> {
  const driver = await Driver.create('mapped', set);
  driver.enable();
  const page = driver.pages();
  const read = async (cns: number, namespaceId: number, offset: number, length: number) => {
    await driver.execute({ opcode: 0x06, namespaceId, prp1: page, dwords: [cns] });
    return Buffer.from(driver.bytes(page + offset, length));
  };
  const found = {
    serial: (await read(1, 0, 4, 20)).toString().trimEnd(),
    nqn: (await read(1, 0, 768, 256)).toString().replace(/\0+$/, ''),
    nguid: (await read(0, 1, 104, 16)).toString('hex'),
    uuid: (await read(3, 1, 4, 16)).toString('hex'),
  };
  await driver.device.close?.();
  return found;
}

t.test('serial number, names and numbers follow from one UUID, or are given', async (t) => {
  const hex = UUID.replaceAll('-', '');
  t.strictSame(await identify({ uuid: UUID }), {
    serial: hex.slice(0, 20),
    nqn: `nqn.2014-08.org.nvmexpress:uuid:${UUID}`,
    nguid: hex,
    uuid: hex,
  });
  const nqn = 'nqn.2014-08.com.example:disk:größe';
  t.match(await identify({ uuid: UUID, serial: 'S1', nqn }), { serial: 'S1', nqn, uuid: hex });

  const file = makeImage(join(t.testdir(), 'disk'));
  const carried = await identify({ file });
  t.strictSame(await identify({ file }), carried, 'the same image');
  t.strictSame(await identify({ file, serial: 'S1' }), { ...carried, serial: 'S1' });
  t.match(await identify({ file, uuid: UUID }), { uuid: hex });
  t.strictSame(await identify({ file }), carried, 'what is given stays in the settings');
});

t.test('memory is another disk each time, unless it is told which', async (t) => {
  const [first, second] = [await identify({}), await identify({})];
  for (const key of Object.keys(first)) t.not(first[key], second[key], key);
  const named = await identify({ serial: 'S1' });
  t.strictSame(await identify({ serial: 'S1' }), named);
  t.not((await identify({ serial: 'S2' })).uuid, named.uuid);
});

t.test('identities are checked', async (t) => {
  const parse = (set: object) => nvme.options.safeParse({ size: '1M', ...set }).success;
  const names = [
    'nqn.2014-08.org.nvmexpress:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6',
    'nqn.2014-08.com.example:nvme.host.sys.xyz',
    `nqn.2014-08.com.example:${'x'.repeat(199)}`,
  ];
  for (const nqn of names) t.ok(parse({ nqn }), nqn);
  const wrongNames = [
    '',
    'disk',
    'nqn.2014-08.org.nvmexpress.discovery',
    'nqn.2014-08.org.nvmexpress:uuid:f81d4fae',
    'nqn.2014-13.com.example:disk',
    'nqn.2014-08.com.example:',
    'nqn.2014-08.com.example:a\nb',
    `nqn.2014-08.com.example:${'x'.repeat(200)}`,
    `nqn.2014-08.com.example:${'ö'.repeat(100)}`,
  ];
  for (const nqn of wrongNames) t.notOk(parse({ nqn }), nqn);
  t.ok(parse({ uuid: UUID }));
  for (const uuid of [
    '',
    'x',
    UUID.replaceAll('-', ''),
    `{${UUID}}`,
    UUID.replaceAll(/\w/g, '0'),
  ]) {
    t.notOk(parse({ uuid }), uuid);
  }
  t.notOk(parse({ serial: '' }));
  t.notOk(parse({ serial: 'x'.repeat(21) }));
});
