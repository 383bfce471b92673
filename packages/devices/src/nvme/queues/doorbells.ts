import {
  type AsyncEvent,
  type AsyncEvents,
  INVALID_DOORBELL_REGISTER,
  INVALID_DOORBELL_VALUE,
} from '../admin/async-events.js';
import type { ErrorLog } from '../admin/error-log.js';
import type { InterruptLines } from '../interrupt-lines.js';
import { STATUS } from '../status.js';
import type { QueueSet } from './queue-set.js';

/** Command identifier in the error log when the error belongs to no command. */
const NO_COMMAND = 0xffff;

/** What the doorbells work on. */
export interface DoorbellTargets {
  readonly queues: QueueSet;
  readonly interrupts: InterruptLines;
  readonly events: AsyncEvents;
  readonly errorLog: ErrorLog;
}

/** Passes doorbell values to the queues and reports invalid ones. */
export class Doorbells {
  readonly #targets: DoorbellTargets;

  constructor(targets: DoorbellTargets) {
    this.#targets = targets;
  }

  /** `index` counts doorbells from the first: queue identifier times 2, plus 1 for a head. */
  ring(index: number, value: number): void {
    const { queues } = this.#targets;
    const id = index >>> 1;
    if (index % 2 === 0) {
      const queue = queues.submissionQueue(id);
      if (queue === undefined) this.#report(id, INVALID_DOORBELL_REGISTER);
      else if (!queue.submit(value & 0xffff)) this.#report(id, INVALID_DOORBELL_VALUE);
      return;
    }
    const queue = queues.completionQueue(id);
    if (queue === undefined) this.#report(id, INVALID_DOORBELL_REGISTER);
    else if (!queue.acknowledge(value & 0xffff)) this.#report(id, INVALID_DOORBELL_VALUE);
    else this.#targets.interrupts.update();
  }

  #report(queueId: number, event: AsyncEvent): void {
    this.#targets.errorLog.record(queueId, NO_COMMAND, STATUS.SUCCESS);
    this.#targets.events.raise(event);
  }
}
