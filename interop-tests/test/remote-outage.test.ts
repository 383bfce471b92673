// The network between a guest and its far disk is away for longer than the session is kept, or than the guest's driver waits.

import t, { type Test } from 'tap';
import { createRemoteTestRig } from '../src/remote-devices.js';

/** How long the session is kept, after the seconds in which the link is found lost. */
const HOLD = '4s';
const LOST_MS = 30_000;

/** A guest that reads from its disk all the time, and gives up a read after so many seconds. */
async function rig(t: Test, ioTimeout: number) {
  const bench = await createRemoteTestRig(t, { hold: HOLD });
  const { bridge, socketPath } = await bench.serve('nvme', { size: '64M' });
  const guest = await bench.boot({
    devices: [{ socketPath, id: 'disk', rootPort: 'rp0' }],
    kernelArguments: [`nvme_core.io_timeout=${ioTimeout}`],
  });
  const reads = await guest.begin('nvme-gone');
  await guest.waitFor('READY', { from: reads.from });
  return { bridge, guest, hosts: bench.remote.hosts, reads };
}

t.test('an outage that is longer than the time-out for I/O costs the disk', async (t) => {
  const { guest, hosts, reads } = await rig(t, 4);
  await hosts.unplugCable();
  await t.rejects(reads.finished, /a read fails/);
  await hosts.plugCable();
  t.equal(await guest.poweroff(), 0, 'QEMU ends normally');
});

t.test('an outage that is shorter costs time, also if the device was lost', async (t) => {
  const { bridge, guest, hosts, reads } = await rig(t, 30);
  await hosts.unplugCable();
  await bridge.logged('out of reach', LOST_MS);
  await hosts.plugCable();
  const { results } = await reads.finished;
  t.comment(`the read took ${Number(results.centiseconds) / 100} s`);
  t.equal(await guest.poweroff(), 0, 'QEMU ends normally');
});
