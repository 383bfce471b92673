import { connectTest } from './connect.js';
import { dmaRead, dmaWrite } from './dma.js';
import { doorbell } from './doorbell.js';
import { interrupts } from './interrupts.js';
import { nvmeRead, nvmeWrite } from './nvme.js';
import { postedWrite } from './posted-write.js';
import { regionRead } from './region-read.js';
import { regionWrite } from './region-write.js';
import type { TestFamily } from './test-family.js';

/** All tests, in the order in which they run. */
export const catalogue: readonly TestFamily[] = [
  connectTest,
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
