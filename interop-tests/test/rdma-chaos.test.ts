// A device over RDMA at work while its link fails at random, inside a guest with an RDMA device in software (rdma_rxe).

import { randomInt } from 'node:crypto';
import t from 'tap';
import { bootRdmaGuest } from '../src/rdma-guest.js';
import { createTestRig } from '../src/test-rig.js';

const PATIENT = { timeoutMs: 280_000 };
const FAULTS = 40;

t.test('nothing is lost or repeated by faults of a link over RDMA', async (t) => {
  // SEED repeats what a run has found.
  const seed = process.env.SEED ?? String(randomInt(2 ** 31));
  t.comment(`SEED=${seed}`);
  const guest = await bootRdmaGuest(await createTestRig(t), PATIENT);
  const { results } = await guest.run('rdma-chaos', seed, String(FAULTS));
  const { rdma_link: _link, rdma_gid_index: _index, ...checks } = results;
  t.strictSame(Object.values(checks), ['ok'], `SEED=${seed}`);
  t.equal(await guest.poweroff(), 0, 'QEMU ends normally');
});
