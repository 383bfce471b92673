// Our NVMe controller on another host than QEMU, behind a bridge: Linux's own driver does all it does with a near one.

import { join } from 'node:path';
import t from 'tap';
import { nvmeKeepsItsData } from '../src/nvme-scenario.js';
import { createRemoteTestRig } from '../src/remote-devices.js';

for (const scheme of ['tcp', 'tls', 'wss'] as const) {
  t.test(`nvme keeps its data over ${scheme}`, async (t) => {
    const file = join(t.testdir(), 'disk.img');
    const bench = await createRemoteTestRig(t, { scheme });
    await nvmeKeepsItsData(t, bench, { memory: 'shared', mib: 64, file });
  });
}
