// Two devices on another host in one guest, each behind a bridge of its own.

import t from 'tap';
import { createRemoteTestRig } from '../src/remote-devices.js';

const INPUTS = '0xa5f0';

t.test('a guest uses a far gpio card and a far disk at the same time', async (t) => {
  const bench = await createRemoteTestRig(t);
  const card = await bench.serve('gpio', { inputs: INPUTS });
  const disk = await bench.serve('nvme', { size: '64M' });
  const guest = await bench.boot({
    devices: [
      { socketPath: card.socketPath, id: 'card' },
      { socketPath: disk.socketPath, id: 'disk', rootPort: 'rp0' },
    ],
  });

  const io = await guest.run('nvme-io', '8');
  t.equal(io.results.sha256, io.results.written, 'the disk gives back what was written');
  for (const outputs of ['0x8001', '0x1234', '0x0000', '0xffff']) {
    const { results } = await guest.run('gpio', outputs);
    t.equal(results.inputs, INPUTS, 'the inputs are those the server was started with');
    t.equal(results.outputs, outputs, `the outputs read back as ${outputs}`);
  }

  await guest.reboot();
  const { results } = await guest.run('gpio', '0x4242');
  t.equal(results.inputs, INPUTS, 'the inputs are the same after a reboot');
  t.equal(results.outputs, '0x4242', 'the outputs can be set after a reboot');
  const verify = await guest.run('nvme-verify');
  t.equal(verify.results.sha256, io.results.written, 'the data survives a reboot of the guest');

  t.equal(await guest.poweroff(), 0, 'QEMU ends normally');
  t.notOk(
    card.server.log.some((line) => /output/i.test(line)),
    'what a guest does every day is not in the log of the far server',
  );
  t.equal(await disk.bridge.stop(), 0, 'a bridge ends when asked to');
});
