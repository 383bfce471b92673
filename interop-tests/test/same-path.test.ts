// Two storage hosts, each with its own image at the same path, and one guest that uses both. The hosts are two mount
// namespaces in which the same folder is another one.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { serveDevice } from '../src/device-server.js';
import { createTestRig } from '../src/test-rig.js';

t.test('Linux takes two disks from images of the same path for two', async (t) => {
  const bench = await createTestRig(t);
  const shared = join(t.testdir(), 'srv');
  mkdirSync(shared);
  const devices = [];
  for (const [id, size] of [
    ['first', '16M'],
    ['second', '32M'],
  ] as const) {
    const own = join(shared, '..', id);
    mkdirSync(own);
    const socketPath = bench.newSocket(id);
    const settings = { file: join(shared, 'disk.img'), size };
    const inNamespace = 'mount --bind "$0" "$1" && shift && exec "$@"';
    const prefix = ['unshare', '--mount', 'sh', '-c', inNamespace, own, shared];
    const server = await serveDevice('nvme', `unix://${socketPath}`, settings, { prefix });
    bench.atEnd(() => server.stop());
    devices.push({ socketPath, id });
  }
  const guest = await bench.boot({ devices });
  const { results } = await guest.run('nvme-two');
  t.equal(results.complaints, '0', 'no identifier is there twice');
  t.same([results['nvme0-blocks'], results['nvme1-blocks']].sort(), ['32768', '65536']);
  for (const kind of ['', '-subsystem', '-namespace']) {
    const [first, second] = ['nvme0', 'nvme1'].map((name) => results[`${name}${kind}`]);
    t.ok(first, `nvme0${kind} is ${first}`);
    t.not(first, second, `nvme1${kind} is ${second}`);
  }
  t.match(results['nvme0-namespace'], /^uuid\./, 'the namespace is known by its UUID');
  t.equal(await guest.poweroff(), 0, 'QEMU ends normally');
});
