// The file system behind a disk stands still, as it does for a snapshot.

import { execFileSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectDevice, TransportRegistry } from '@vfio-user/core';
import { NvmeDriver } from '@vfio-user/drivers';
import { unixTransport } from '@vfio-user/transport-unix';
import t from 'tap';
import { serveDevice } from '../src/device-server.js';

const IMAGE_BYTES = 64 * 2 ** 20;
const DISK_BYTES = 8 * 2 ** 20;
const NVME_VERSION = 0x0001_0400;
/** QEMU's x-msg-timeout. */
const QEMU_PATIENCE_MS = 5000;
const TOLD_MS = 30_000;

t.test('a device answers while its disk does not, and finishes its commands later', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'vfu-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const [image, mount] = [join(folder, 'image'), join(folder, 'mount')];
  mkdirSync(mount);
  writeFileSync(image, '');
  truncateSync(image, IMAGE_BYTES);
  execFileSync('mkfs.ext4', ['-q', '-F', image]);
  execFileSync('mount', ['-o', 'loop', image, mount]);
  t.teardown(() => execFileSync('umount', [mount]));
  const file = join(mount, 'disk');
  writeFileSync(file, Buffer.alloc(DISK_BYTES, 1));

  const socket = `unix://${join(folder, 'nvme.sock')}`;
  const server = await serveDevice('nvme', socket, { file });
  t.teardown(() => server.stop());
  const registry = new TransportRegistry([unixTransport()]);
  const client = await connectDevice(socket, { registry, timeoutMs: QEMU_PATIENCE_MS });
  t.teardown(() => client.close());
  const nvme = await NvmeDriver.attach(client);
  await nvme.start();
  const data = Buffer.alloc(NvmeDriver.BLOCK_BYTES, 2);
  await nvme.write(0, data);

  execFileSync('fsfreeze', ['-f', mount]);
  let isFrozen = true;
  const thaw = (): void => {
    if (isFrozen) execFileSync('fsfreeze', ['-u', mount]);
    isFrozen = false;
  };
  t.teardown(thaw);
  let isWritten = false;
  const write = nvme.write(1, data).then(() => {
    isWritten = true;
  });
  t.equal(await nvme.version(), NVME_VERSION, 'a register is read');
  await server.logged('the disk does not answer', TOLD_MS);
  t.equal(await nvme.version(), NVME_VERSION, 'and again');
  t.notOk(isWritten, 'the write waits');

  thaw();
  await write;
  t.same(await nvme.read(1), data);
});
