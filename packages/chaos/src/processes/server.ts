// Serves a device for each workload. Prints where, and at its end what became of their links.

import { diagnostics, type PciDeviceDefinition, serve } from '@vfio-user/core';
import { bench, counter, nvme } from '@vfio-user/devices';
import { WORKLOADS, type WorkloadName } from '../plan/sessions.js';
import { MODULUS } from '../workloads/counter-steps.js';
import { DISK_BYTES } from '../workloads/nvme-blocks.js';
import { endWithParent, loggerOf, registry, taskOf } from './child.js';
import { HOLD_MS, type ServerTask, SILENCE_MS } from './messages.js';

interface Served {
  readonly definition: PciDeviceDefinition<unknown>;
  readonly settings: object;
}

const served: Readonly<Record<WorkloadName, Served>> = {
  counter: { definition: counter, settings: { modulus: MODULUS } },
  'test-device': { definition: bench, settings: {} },
  nvme: { definition: nvme, settings: { size: `${DISK_BYTES / 2 ** 20}M` } },
};

let resumes = 0;
let framesSentAgain = 0;
diagnostics.link.subscribe((change) => {
  if (change.event !== 'continued') return;
  resumes++;
  framesSentAgain += change.framesSentAgain;
});

const limits = { silenceMs: SILENCE_MS, holdMs: HOLD_MS, replyTimeoutMs: HOLD_MS };
const servers = await Promise.all(
  taskOf<ServerTask>().listen.map((listen, index) => {
    const { definition, settings } = served[WORKLOADS[index] as WorkloadName];
    const options = definition.options.parse(settings);
    return serve({ definition, options, registry, listen, limits, logger: loggerOf() });
  }),
);
endWithParent(async () => {
  await Promise.all(servers.map((server) => server.close()));
  process.stdout.write(`links ${JSON.stringify({ resumes, framesSentAgain })}\n`);
});
process.stdout.write(`listening ${servers.map(({ uri }) => uri).join(' ')}\n`);
