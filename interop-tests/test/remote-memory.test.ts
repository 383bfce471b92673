// Our NVMe controller on another host, with guest memory that only QEMU can reach: the device asks the bridge, which asks
// QEMU.

import t from 'tap';
import { createRemoteTestRig } from '../src/remote-devices.js';

t.test('nvme keeps its data over tcp with anonymous guest memory', async (t) => {
  const bench = await createRemoteTestRig(t);
  const { socketPath } = await bench.serve('nvme', { size: '64M' });
  const guest = await bench.boot({
    memory: 'anonymous',
    devices: [{ socketPath, id: 'disk', rootPort: 'rp0' }],
  });

  const io = await guest.run('nvme-io', '16');
  t.equal(io.results.sha256, io.results.written, 'the device gives back what was written');
  t.comment(`16 MiB written and read in ${io.seconds.toFixed(1)} s`);
  await guest.reboot();
  const verify = await guest.run('nvme-verify');
  t.equal(verify.results.sha256, io.results.written, 'the data survives a reboot of the guest');

  t.equal(await guest.poweroff(), 0, 'QEMU ends normally');
});
