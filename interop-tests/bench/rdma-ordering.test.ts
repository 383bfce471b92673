// npm run test:rdma-ordering: a million small DMA writes over RDMA, each followed by an interrupt, none observed out of order.
// Software RDMA in an emulated machine needs about a millisecond for each; ROUNDS=n makes it shorter.

import t from 'tap';
import { bootRdmaGuest } from '../src/rdma-guest.js';
import { createTestRig } from '../src/test-rig.js';

const ROUNDS = process.env.ROUNDS ?? '1000000';
const LIMIT_MS = 3_600_000;

t.test('no interrupt comes before the DMA it announces', async (t) => {
  const guest = await bootRdmaGuest(await createTestRig(t), { timeoutMs: LIMIT_MS });
  const { results, seconds } = await guest.run('rdma-ordering', ROUNDS);
  t.equal(results['no interrupt comes before the DMA it announces'], 'ok');
  t.comment(`${ROUNDS} rounds in ${seconds.toFixed(0)} s`);
  t.equal(await guest.poweroff(), 0, 'QEMU ends normally');
});
