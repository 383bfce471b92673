// Devices over vsock, in a guest whose kernel has it: from the guest to itself (module vsock_loopback), for the other way
// to the host would need vhost_vsock in the host's kernel.

import t from 'tap';
import { nodeImageArguments } from '../src/setup.js';
import { createTestRig } from '../src/test-rig.js';

/** Of one test script: the whole compliance suite under emulation. */
const SUITE_MS = 500_000;

t.test('a device is served over vsock, and the transport keeps its contract', async (t) => {
  const bench = await createTestRig(t);
  const guest = await bench.boot({
    timeoutMs: SUITE_MS,
    qemuArguments: await nodeImageArguments(),
  });

  const { results, seconds } = await guest.run('vsock');
  t.comment(`${seconds.toFixed(0)} s`);
  const { node, ...suite } = results;
  t.match(node, /^v\d+\./, 'Node runs in the guest');
  for (const [title, outcome] of Object.entries(suite)) t.equal(outcome, 'ok', title);
  t.ok(Object.keys(suite).length > 30, 'the suite has run');

  t.equal(await guest.poweroff(), 0, 'QEMU ends normally');
});
