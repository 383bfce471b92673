// The bridge beside a running guest is killed. A bridge cannot do anything about what QEMU makes of that: these tests hold
// what docs/remote.md says of QEMU 11.1, and fail when another QEMU does better.

import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createRemoteTestRig } from '../src/remote-devices.js';

async function rig(t: Test, settings: Readonly<Record<string, string>> = {}) {
  const bench = await createRemoteTestRig(t);
  const file = join(t.testdir(), 'disk.img');
  const served = await bench.serve('nvme', { file, size: '64M', ...settings });
  const device = { socketPath: served.socketPath, id: 'disk', rootPort: 'rp0' };
  const guest = await bench.boot({ devices: [device] });
  const { results } = await guest.run('nvme-io', '4');
  const startBridgeAgain = async () =>
    bench.remote.bridge(await bench.remote.reach(served.port), served.socketPath);
  return { ...served, bench, device, guest, written: results.written, startBridgeAgain };
}

t.test('QEMU aborts when its bridge ends with a request unread', async (t) => {
  const { bridge, guest } = await rig(t);
  bridge.freeze();
  const waiting = await guest.begin('nvme-waiting');
  await guest.waitFor('WAITING', { from: waiting.from });
  await bridge.kill();
  const how = await Promise.race([guest.exited, waiting.finished.then(() => 'it goes on')]);
  t.equal(how, 'SIGABRT');
  t.match(guest.complaints, /error_setv: Assertion `\*errp == NULL' failed/);
});

t.test('a bridge that is started again is of use to the next QEMU only', async (t) => {
  const { bridge, bench, device, guest, written, startBridgeAgain } = await rig(t);
  await bridge.kill();
  const again = await startBridgeAgain();
  const { results } = await guest.run('config-space', '0000:01:00.0');
  t.equal(results.vendor, 'ffff', 'the guest lives on with an empty slot');
  t.notMatch(again.log.join('\n'), 'client connected', 'QEMU does not connect again');

  const reboot = guest.reboot().then(() => 'it goes on');
  t.equal(await Promise.race([guest.exited, reboot.catch(() => guest.exited)]), 'SIGABRT');
  t.match(guest.complaints, 'vfio: DMA mapping failed, unable to continue');

  const next = await bench.boot({ devices: [device] });
  const verify = await next.run('nvme-verify');
  t.equal(verify.results.sha256, written, 'the data is there');
  t.equal(await next.poweroff(), 0, 'QEMU ends normally');
});

t.test('a disk with MSI is plugged in again behind a new bridge', async (t) => {
  // MSI: QEMU 11.1 aborts when a vfio-user device with MSI-X is unplugged.
  const { bridge, device, guest, written, startBridgeAgain } = await rig(t, { interrupts: 'msi' });
  await bridge.kill();
  await startBridgeAgain();
  await guest.unplug(device.id);
  await guest.plug(device);
  const verify = await guest.run('nvme-verify');
  t.equal(verify.results.sha256, written, 'the data is there');
  t.equal(await guest.poweroff(), 0, 'QEMU ends normally');
});
