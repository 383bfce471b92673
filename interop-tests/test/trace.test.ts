// A trace between QEMU and our NVMe controller: the guest does not notice, and the capture tells what it did.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { vfioUser } from '../src/device-server.js';
import { createTestRig } from '../src/test-rig.js';

const CLI = fileURLToPath(new URL('../../packages/cli/bin/vfio-user.js', import.meta.url));

for (const memory of ['shared', 'anonymous'] as const) {
  t.test(`a traced nvme works with ${memory} guest memory`, async (t) => {
    const pcap = join(t.testdir(), 'disk.pcap');
    const bench = await createTestRig(t);
    const { socketPath: far } = await bench.serve('nvme', { size: '8M' });
    const near = bench.newSocket('trace');
    const uris = ['--listen', `unix://${near}`, '--connect', `unix://${far}`];
    const trace = await vfioUser(['trace', ...uris, '--pcap', pcap]);
    bench.atEnd(() => trace.stop());
    const guest = await bench.boot({
      memory,
      devices: [{ socketPath: near, id: 'device', rootPort: 'rp0' }],
    });
    await guest.run('nvme-block');
    await guest.poweroff();
    t.equal(await trace.stop(), 0);

    const text = execFileSync(process.execPath, [CLI, 'trace', 'read', pcap], { encoding: 'utf8' });
    const lines = text.split('\n');
    const count = (pattern: RegExp): number => lines.filter((line) => pattern.test(line)).length;
    t.ok(count(/DEVICE_SET_IRQS .* fds=1$/) > 0, 'descriptors of interrupts passed');
    t.equal(count(/DMA_MAP .* fds=1$/) > 0, memory === 'shared', 'those of memory too');
    t.ok(count(/REGION_WRITE .* NVMe SQ1TDBL /) > 0, 'the guest rang the doorbell of a queue');
    t.equal(count(/command \d+|malformed/), 0, 'everything was understood');
    t.equal(count(/DMA_READ /) > 0, memory === 'anonymous', 'what is shared is not seen');
    t.comment(execFileSync(process.execPath, [CLI, 'trace', 'stats', pcap], { encoding: 'utf8' }));
  });
}
