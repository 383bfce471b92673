import { connectWorkload } from './connect.js';
import { dmaRead, dmaWrite } from './dma.js';
import { doorbell } from './doorbell.js';
import { interrupts } from './interrupts.js';
import { nvmeRead, nvmeWrite } from './nvme.js';
import { regionRead } from './region-read.js';
import { postedWrite, regionWrite } from './region-write.js';
import type { Workload } from './workload.js';

/** All workloads, in the order in which they run. */
export const allWorkloads: readonly Workload[] = [
  connectWorkload,
  regionRead,
  regionWrite,
  postedWrite,
  doorbell,
  interrupts,
  nvmeRead,
  nvmeWrite,
  dmaRead,
  dmaWrite,
];
