// The package node-rdma-ffi on an RDMA device in software (rdma_rxe), inside a guest.

import t from 'tap';
import { bootRdmaGuest } from '../src/rdma-guest.js';
import { createTestRig } from '../src/test-rig.js';

t.test('the verbs do on a device what they promise', async (t) => {
  const bench = await createTestRig(t);
  const guest = await bootRdmaGuest(bench, { timeoutMs: 300_000 });

  const { results, seconds } = await guest.run('rdma-verbs');
  t.comment(`${seconds.toFixed(0)} s`);
  const { rdma_link: link, rdma_gid_index: _index, ...checks } = results;
  t.match(link, /state ACTIVE/);
  for (const [title, outcome] of Object.entries(checks)) t.equal(outcome, 'ok', title);
  t.ok(Object.keys(checks).length > 30, 'the tests have run');

  t.equal(await guest.poweroff(), 0, 'QEMU ends normally');
});
