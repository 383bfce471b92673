// The transport rdma: on RDMA devices in software (rdma_rxe), inside guests.

import t from 'tap';
import { bootRdmaGuest } from '../src/rdma-guest.js';
import { createTestRig } from '../src/test-rig.js';

/** Of one test script: the whole compliance suite under emulation. */
const SUITE_MS = 400_000;

t.test('the transport keeps its contract', async (t) => {
  const bench = await createTestRig(t);
  const guest = await bootRdmaGuest(bench, { timeoutMs: SUITE_MS });

  const { results, seconds } = await guest.run('rdma-transport');
  t.comment(`${seconds.toFixed(0)} s`);
  const { rdma_link: link, rdma_gid_index: _index, connections, ...suite } = results;
  t.match(link, /state ACTIVE/);
  for (const [title, outcome] of Object.entries(suite)) t.equal(outcome, 'ok', title);
  t.ok(Object.keys(suite).length > 30, 'the suite has run');
  t.ok(Number(connections) > 30, 'over RDMA');

  t.equal(await guest.poweroff(), 0, 'QEMU ends normally');
});
