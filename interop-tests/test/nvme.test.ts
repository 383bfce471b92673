// Our NVMe controller under Linux's own driver: a file system, guest reboot, function level reset, and, with the data
// kept in a file over a restart of the server, hot-unplug; once with shared guest memory (DMA through descriptors) and
// once with anonymous memory (DMA by message).

import { join } from 'node:path';
import t from 'tap';
import { createTestBench } from '../src/test-bench.js';

const MIB_64 = String(64 * 1024 * 1024);

for (const memory of ['shared', 'anonymous'] as const) {
  t.test(`nvme keeps its data with ${memory} guest memory`, async (t) => {
    const file = join(t.testdir(), 'disk.img');
    const bench = await createTestBench(t);
    const first = await bench.serve('nvme', { file, size: '128M' });
    const guest = await bench.boot({
      memory,
      devices: [{ socketPath: first.socketPath, id: 'disk', rootPort: 'rp0' }],
    });

    const io = await guest.run('nvme-io');
    const checksum = io.results.written;
    t.match(checksum, /^[0-9a-f]{64}$/, 'the guest computed a checksum');
    t.equal(io.results.bytes, MIB_64, '64 MiB are written');
    t.equal(io.results.sha256, checksum, 'the device gives back what was written');

    await guest.reboot();
    const verify = await guest.run('nvme-verify');
    t.equal(verify.results.sha256, checksum, 'the data survives a reboot of the guest');

    const flr = await guest.run('nvme-flr');
    t.equal(flr.results.sha256, checksum, 'the data survives a function level reset');

    t.equal(await guest.poweroff(), 0, 'QEMU ends normally');
    t.ok(first.server.isRunning, 'the server lives on after the guest');
    t.equal(await first.server.stop(), 0, 'the server ends when asked to');

    // MSI: QEMU 11.1 aborts when a vfio-user device with MSI-X is unplugged.
    const second = await bench.serve('nvme', { file, interrupts: 'msi' });
    const disk = { socketPath: second.socketPath, id: 'disk', rootPort: 'rp0' };
    const other = await bench.boot({ memory, devices: [disk] });
    const unplug = await other.begin('nvme-unplug', 'replug');
    await other.waitFor('READY', { from: unplug.from });
    await other.unplug('disk');
    await other.waitFor('REPLUG', { from: unplug.from });
    t.pass('the guest lets go of the device when it is unplugged');
    t.ok(second.server.isRunning, 'the server lives on after the unplug');

    await other.plug(disk);
    const replug = await unplug.finished;
    t.equal(replug.results.sha256, checksum, 'the data is there again after a new plug');
    t.equal(await other.poweroff(), 0, 'QEMU ends normally');
    t.equal(await second.server.stop(), 0, 'the server ends when asked to');
  });
}
