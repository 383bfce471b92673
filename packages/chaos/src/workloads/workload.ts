import type { DeviceClient } from '@vfio-user/core';
import type { Random } from '../random.js';
import type { Tally } from './tally.js';

/** What a session does again and again. */
export interface Workload {
  /** Some operations. When it resolves, all are verified. */
  round(): Promise<void>;
  close(): Promise<void>;
}

/** Sets a workload up on a device. */
export type OpenWorkload = (
  client: DeviceClient,
  tally: Tally,
  random: Random,
) => Promise<Workload>;
