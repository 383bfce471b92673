// Our NVMe controller under Linux's own driver, once with shared guest memory (DMA through descriptors) and once with
// anonymous memory (DMA by message).

import { join } from 'node:path';
import t from 'tap';
import { nvmeKeepsItsData } from '../src/nvme-scenario.js';
import { createTestRig } from '../src/test-rig.js';

for (const memory of ['shared', 'anonymous'] as const) {
  t.test(`nvme keeps its data with ${memory} guest memory`, async (t) => {
    const file = join(t.testdir(), 'disk.img');
    await nvmeKeepsItsData(t, await createTestRig(t), { memory, mib: 64, file });
  });
}
