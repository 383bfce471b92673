// The guests that the RDMA tests run in: RoCE in software, in one guest and between two.

import t from 'tap';
import { bootRdmaGuest, bootRdmaPair } from '../src/rdma-guest.js';
import { createTestRig } from '../src/test-rig.js';

/** perftest's figure for one transfer. */
const MICROSECONDS = /^\d+\.\d+$/;

t.test('a guest has an RDMA device that reaches the guest itself', async (t) => {
  const guest = await bootRdmaGuest(await createTestRig(t));
  const { results } = await guest.run('rdma-rig');
  t.match(results.rdma_link, /rxe0\/1 state ACTIVE/, 'the kernel has it');
  t.equal(results.devinfo, 'PORT_ACTIVE', 'libibverbs has it');
  t.equal(results.devices, 'rxe0', 'Node has it');
  t.match(results.ib_write_lat, MICROSECONDS, 'memory is written');
  t.match(results.ib_read_lat, MICROSECONDS, 'memory is read from another network namespace');
  t.equal(await guest.poweroff(), 0, 'QEMU ends normally');
});

t.test('two guests reach each other by RDMA', async (t) => {
  const [serving, driving] = await bootRdmaPair(await createTestRig(t));
  const server = await serving.begin('rdma-serve', '10.0.0.1');
  await serving.waitFor('SERVING');
  const { results } = await driving.run('rdma-drive', '10.0.0.2', '10.0.0.1');
  t.match(results.ib_write_lat, MICROSECONDS, 'memory of the other is written');
  await server.finished;
});
