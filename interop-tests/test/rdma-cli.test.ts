// The vfio-user command in a guest that has an RDMA device in software.

import t from 'tap';
import { bootRdmaGuest } from '../src/rdma-guest.js';
import { createTestRig } from '../src/test-rig.js';

t.test('doctor shows the adapter, and info which way memory is reached', async (t) => {
  const guest = await bootRdmaGuest(await createTestRig(t));
  const { results } = await guest.run('rdma-cli');
  t.match(results.port, /^ok +rdma rxe0\/1 +active, ethernet, MTU \d+/);
  t.match(results.gid, /gid-index 1: ::ffff:a00:1 \(10\.0\.0\.1\), roce-v2 on eth0/);
  t.equal(results.path, 'Data path: RDMA by rxe0', 'from one network namespace to another');
  t.equal(await guest.poweroff(), 0, 'QEMU ends normally');
});
