// Our NVMe controller in a guest with two processors: one I/O queue each, used at the same time.

import t from 'tap';
import { createTestRig } from '../src/test-rig.js';

for (const memory of ['shared', 'anonymous'] as const) {
  t.test(`nvme serves a queue for every processor with ${memory} guest memory`, async (t) => {
    const bench = await createTestRig(t);
    const { socketPath } = await bench.serve('nvme', { size: '128M' });
    const guest = await bench.boot({
      memory,
      smp: 2,
      devices: [{ socketPath, id: 'disk', rootPort: 'rp0' }],
    });

    const { results } = await guest.run('nvme-queues');
    t.equal(results.cpus, '2', 'the guest has two processors');
    t.equal(results.queues, '2', 'the driver made a queue for each');
    t.equal(results.used, '2', 'each queue raised interrupts');

    t.equal(await guest.poweroff(), 0, 'QEMU ends normally');
  });
}
