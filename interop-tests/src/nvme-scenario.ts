// What Linux's own nvme driver is put through with our controller, wherever the controller is.

import type { Test } from 'tap';
import type { GuestOptions } from './guest-options.js';
import type { TestRig } from './test-rig.js';

export interface NvmeScenario {
  readonly memory: NonNullable<GuestOptions['memory']>;
  /** How much data is written and read, MiB. */
  readonly mib: number;
  /** Where the data is kept while no server runs. */
  readonly file: string;
}

/**
 * A file system, guest reboot, function level reset, and, with the data kept in a file over a
 * restart of the server, hot-unplug.
 */
export async function nvmeKeepsItsData(
  t: Test,
  bench: TestRig,
  { memory, mib, file }: NvmeScenario,
): Promise<void> {
  const first = await bench.serve('nvme', { file, size: '128M' });
  const guest = await bench.boot({
    memory,
    devices: [{ socketPath: first.socketPath, id: 'disk', rootPort: 'rp0' }],
  });

  const io = await guest.run('nvme-io', String(mib));
  const checksum = io.results.written;
  t.match(checksum, /^[0-9a-f]{64}$/, 'the guest computed a checksum');
  t.equal(io.results.bytes, String(mib * 2 ** 20), `${mib} MiB are written`);
  t.equal(io.results.sha256, checksum, 'the device gives back what was written');
  t.comment(`${mib} MiB written and read in ${io.seconds.toFixed(1)} s`);

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
}
