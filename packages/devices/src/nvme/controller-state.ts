import type { DeviceHost } from '@vfio-user/core';
import type { AsyncEvents } from './admin/async-events.js';
import type { ErrorLog } from './admin/error-log.js';
import type { Features } from './admin/features.js';
import type { Statistics } from './admin/statistics.js';
import type { Timestamp } from './admin/timestamp.js';
import type { ControllerIdentity } from './identity.js';
import type { InterruptLines } from './interrupt-lines.js';
import type { QueueSet } from './queues/queue-set.js';
import type { Configuration } from './registers.js';
import type { Namespace } from './storage/namespace.js';

/** The parts of the controller that command handlers use. */
export interface ControllerState {
  readonly host: DeviceHost;
  readonly identity: ControllerIdentity;
  readonly namespace: Namespace;
  /** I/O queue pairs at most. */
  readonly ioQueues: number;
  readonly queues: QueueSet;
  readonly features: Features;
  readonly timestamp: Timestamp;
  readonly interrupts: InterruptLines;
  readonly events: AsyncEvents;
  readonly errorLog: ErrorLog;
  readonly statistics: Statistics;
  /** CC as the host wrote it. */
  readonly configuration: Configuration;
  /** A queue was created: its doorbell is 0. */
  resetDoorbell(queueId: number, kind: 'tail' | 'head'): void;
}
