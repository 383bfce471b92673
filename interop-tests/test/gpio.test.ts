// Our PCI-IDIO-16 card under Linux's own driver: lines are read and set through libgpiod.

import t from 'tap';
import { createTestRig } from '../src/test-rig.js';

const INPUTS = '0xa5f0';

t.test('gpio lines are read and set through the kernel driver', async (t) => {
  const bench = await createTestRig(t);
  const { server, socketPath } = await bench.serve('gpio', { inputs: INPUTS });
  const guest = await bench.boot({ devices: [{ socketPath, id: 'card' }] });

  for (const outputs of ['0x8001', '0x1234', '0x0000', '0xffff']) {
    const { results } = await guest.run('gpio', outputs);
    t.equal(results.inputs, INPUTS, 'the inputs are those the server was started with');
    t.equal(results.outputs, outputs, `the outputs read back as ${outputs}`);
  }

  await guest.reboot();
  const { results } = await guest.run('gpio', '0x4242');
  t.equal(results.inputs, INPUTS, 'the inputs are the same after a reboot');
  t.equal(results.outputs, '0x4242', 'the outputs can be set after a reboot');

  t.equal(await guest.poweroff(), 0, 'QEMU ends normally');
  t.notOk(
    server.log.some((line) => /output/i.test(line)),
    'what a guest does every day is not in the log',
  );
});
