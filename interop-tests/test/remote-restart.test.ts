// The far device server is killed under a running guest, and started again.

import { join } from 'node:path';
import t from 'tap';
import { createRemoteTestRig } from '../src/remote-devices.js';

/** The bridge tries again every 5 s at the latest. */
const BACK_MS = 20_000;

t.test(
  'a guest survives the death of its far disk and uses it again once it is back',
  async (t) => {
    const settings = { file: join(t.testdir(), 'disk.img'), size: '64M' };
    const bench = await createRemoteTestRig(t);
    const { remote } = bench;
    const { server, bridge, socketPath, port } = await bench.serve('nvme', settings);
    const guest = await bench.boot({ devices: [{ socketPath, id: 'disk', rootPort: 'rp0' }] });
    const io = await guest.run('nvme-io', '4');

    // Loaded anew, so that the driver takes the guest script's time-out for I/O.
    await guest.reboot();
    const outage = await guest.begin('nvme-outage');
    await guest.waitFor('READY', { from: outage.from });
    await server.kill();
    await guest.waitFor('OUTAGE', { from: outage.from });
    t.pass('I/O ends with an error while the server is gone');
    t.ok(bridge.isRunning, 'the bridge lives on');

    await remote.serve('nvme', port, settings);
    const { results } = await outage.finished;
    t.equal(results.absent, 'ffff', 'config space reads as all ones while the server is gone');
    t.equal(results.sha256, io.results.written, 'the data is there again');
    t.equal(await guest.poweroff(), 0, 'QEMU ends normally');
  },
);

t.test('a guest learns at its first time-out that its far disk was reset', async (t) => {
  const settings = { file: join(t.testdir(), 'disk.img'), size: '64M' };
  const bench = await createRemoteTestRig(t);
  const { server, bridge, socketPath, port } = await bench.serve('nvme', settings);
  const guest = await bench.boot({ devices: [{ socketPath, id: 'disk', rootPort: 'rp0' }] });
  const reads = await guest.begin('nvme-gone');
  await guest.waitFor('READY', { from: reads.from });
  await server.kill();
  await bench.remote.serve('nvme', port, settings);
  await bridge.logged('the device is back', BACK_MS);
  const { results, output } = await reads.finished;
  t.comment(`the read took ${Number(results.centiseconds) / 100} s`);
  const said = output.join('\n');
  t.match(said, 'controller is down; will reset: CSTS=0x2');
  t.notMatch(said, 'timeout, aborting', 'it does not wait for a second time-out');
  t.equal(await guest.poweroff(), 0, 'QEMU ends normally');
});

t.test('a guest reboots without its far disk, and again with it', async (t) => {
  const settings = { file: join(t.testdir(), 'disk.img'), size: '64M' };
  const bench = await createRemoteTestRig(t);
  const { server, socketPath, port, bridge } = await bench.serve('nvme', settings);
  const guest = await bench.boot({ devices: [{ socketPath, id: 'disk', rootPort: 'rp0' }] });
  const io = await guest.run('nvme-io', '4');

  await server.kill();
  await guest.reboot();
  const { output } = await guest.run('devices');
  t.notMatch(output.join('\n'), 'class=0x010802', 'the guest boots and finds no disk');

  await bench.remote.serve('nvme', port, settings);
  await bridge.logged('the device is back', BACK_MS);
  await guest.reboot();
  const verify = await guest.run('nvme-verify');
  t.equal(verify.results.sha256, io.results.written, 'the data is there again');
  t.equal(await guest.poweroff(), 0, 'QEMU ends normally');
});
