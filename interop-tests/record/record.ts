// Records QEMU with our devices for the replay test of packages/transport-unix, which plays the
// recordings to the server without QEMU. After a wanted change of the server's answers, or for a new
// QEMU, at the root of the repository:
//
//   npm run build && npx tap --timeout=300 --jobs=1 interop-tests/record/record.ts
//
// Add --grep=gpio to make just one again.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RecordingOrigin, writeRecording } from '@vfio-user/transport-testing';
import t from 'tap';
import type { Guest } from '../src/guest.js';
import type { GuestOptions } from '../src/guest-options.js';
import { createTestRig, type TestContext } from '../src/test-rig.js';
import { recordingRelay } from './recording-relay.js';

const FIXTURES = fileURLToPath(
  new URL('../../packages/transport-unix/test/replay/fixtures', import.meta.url),
);

interface Scenario extends Omit<RecordingOrigin, 'client'> {
  readonly memory: NonNullable<GuestOptions['memory']>;
  /** Puts the device behind this port. */
  readonly rootPort?: string;
  run(guest: Guest): Promise<unknown>;
}

const nvme = {
  device: 'nvme',
  // Without a serial number given, every server has another one.
  settings: { size: '8M', serial: 'RECORDED' },
  rootPort: 'rp0',
  run: (guest: Guest) => guest.run('nvme-block'),
};

const scenarios: Readonly<Record<string, Scenario>> = {
  gpio: {
    device: 'gpio',
    settings: { inputs: '0xa5f0' },
    scenario: 'boot, set and read lines, reboot, set and read lines, power off',
    memory: 'shared',
    async run(guest) {
      await guest.run('gpio', '0x8001');
      await guest.reboot();
      await guest.run('gpio', '0x4242');
    },
  },
  'nvme-shared': {
    ...nvme,
    scenario: 'boot, write and read a block through shared memory, power off',
    memory: 'shared',
  },
  'nvme-anonymous': {
    ...nvme,
    scenario: 'boot, write and read a block by message, power off',
    memory: 'anonymous',
  },
};

async function record(t: TestContext, scenario: Scenario) {
  const { device, settings, scenario: text, memory, rootPort } = scenario;
  const bench = await createTestRig(t);
  const { socketPath } = await bench.serve(device, settings);
  const relayPath = `${socketPath}.relay`;
  const { recorder, listener } = await recordingRelay(
    `unix://${relayPath}`,
    `unix://${socketPath}`,
  );
  t.teardown(() => listener.close());
  const guest = await bench.boot({
    memory,
    devices: [
      { socketPath: relayPath, id: 'device', ...(rootPort === undefined ? {} : { rootPort }) },
    ],
  });
  const { qemu } = (await guest.qmp.execute('query-version')) as {
    qemu: { major: number; minor: number; micro: number };
  };
  await scenario.run(guest);
  await guest.poweroff();
  await recorder.ended;
  const client = `QEMU ${qemu.major}.${qemu.minor}.${qemu.micro}`;
  return { origin: { device, settings, client, scenario: text }, messages: recorder.messages };
}

for (const [name, scenario] of Object.entries(scenarios)) {
  t.test(name, async (t) => {
    const recording = await record(t, scenario);
    writeRecording(join(FIXTURES, `${name}.jsonl.gz`), recording);
    t.ok(recording.messages.length > 0, `${recording.messages.length} messages are recorded`);
  });
}
