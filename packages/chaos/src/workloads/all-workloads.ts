import type { WorkloadName } from '../plan/sessions.js';
import { CounterSteps } from './counter-steps.js';
import { NvmeBlocks } from './nvme-blocks.js';
import { TestDeviceWork } from './test-device.js';
import type { OpenWorkload } from './workload.js';

export const openWorkload: Readonly<Record<WorkloadName, OpenWorkload>> = {
  counter: (client, tally, random) => CounterSteps.open(client, tally, random),
  'test-device': (client, tally, random) => TestDeviceWork.open(client, tally, random),
  nvme: (client, tally, random) => NvmeBlocks.open(client, tally, random),
};
