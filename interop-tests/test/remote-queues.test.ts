// Our NVMe controller on another host, in a guest with two processors: one I/O queue each, used at the same time.

import t from 'tap';
import { createRemoteTestRig } from '../src/remote-devices.js';

t.test('nvme serves a queue for every processor over tcp', async (t) => {
  const bench = await createRemoteTestRig(t);
  const { socketPath } = await bench.serve('nvme', { size: '128M' });
  const guest = await bench.boot({
    smp: 2,
    devices: [{ socketPath, id: 'disk', rootPort: 'rp0' }],
  });

  const { results } = await guest.run('nvme-queues');
  t.equal(results.cpus, '2', 'the guest has two processors');
  t.equal(results.queues, '2', 'the driver made a queue for each');
  t.equal(results.used, '2', 'each queue raised interrupts');

  t.equal(await guest.poweroff(), 0, 'QEMU ends normally');
});
