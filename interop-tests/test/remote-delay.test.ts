// Our NVMe controller at a distance: every message takes its time.

import t from 'tap';
import { createRemoteTestRig } from '../src/remote-devices.js';

for (const roundTripMs of [1, 20]) {
  t.test(`nvme works over a line with a round trip of ${roundTripMs} ms`, async (t) => {
    const direction = { delayMs: roundTripMs / 2 };
    const bench = await createRemoteTestRig(t, {
      line: { toServer: direction, toClient: direction },
    });
    const { socketPath } = await bench.serve('nvme', { size: '64M' });
    const guest = await bench.boot({ devices: [{ socketPath, id: 'disk', rootPort: 'rp0' }] });

    const io = await guest.run('nvme-io', '4');
    t.equal(io.results.sha256, io.results.written, 'the device gives back what was written');
    t.comment(`4 MiB written and read in ${io.seconds.toFixed(1)} s`);
    const flr = await guest.run('nvme-flr');
    t.equal(flr.results.sha256, io.results.written, 'the data survives a function level reset');

    t.equal(await guest.poweroff(), 0, 'QEMU ends normally');
  });
}
