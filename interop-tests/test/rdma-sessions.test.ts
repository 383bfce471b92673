// Devices over RDMA, inside guests with RDMA devices in software (rdma_rxe).

import t from 'tap';
import { bootRdmaGuest, bootRdmaPair } from '../src/rdma-guest.js';
import { createTestRig } from '../src/test-rig.js';

/** Of one test script, under emulation and beside other work. */
const PATIENT = { timeoutMs: 280_000 };

t.test('a device of another machine', async (t) => {
  const [serving, driving] = await bootRdmaPair(await createTestRig(t), PATIENT);
  await serving.begin('rdma-serve-bench', '10.0.0.1');
  await serving.waitFor('SERVING');
  const { results } = await driving.run('rdma-drive-bench', '10.0.0.2', '10.0.0.1');
  const { rdma_link: _link, rdma_gid_index: _index, ...checks } = results;
  for (const [title, outcome] of Object.entries(checks)) t.equal(outcome, 'ok', title);
  t.ok(Object.keys(checks).length > 1, 'the tests have run');
});

t.test('a device of another process', async (t) => {
  const guest = await bootRdmaGuest(await createTestRig(t), PATIENT);
  const { results } = await guest.run('rdma-sessions');
  const { rdma_link: _link, rdma_gid_index: _index, ...checks } = results;
  for (const [title, outcome] of Object.entries(checks)) t.equal(outcome, 'ok', title);
  t.ok(Object.keys(checks).length > 3, 'the tests have run');
  t.equal(await guest.poweroff(), 0, 'QEMU ends normally');
});
