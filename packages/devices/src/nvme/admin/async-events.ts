import type { Completer } from '../commands/completer.js';
import type { SubmissionQueue } from '../queues/submission-queue.js';
import { STATUS, type Status } from '../status.js';
import { LOG_PAGE } from './constants.js';

/** Asynchronous Event Requests outstanding at most (AERL + 1 in the identify data). */
export const MAX_ASYNC_EVENT_REQUESTS = 4;

/** Asynchronous event types (NVM Express 1.4, 5.2.1). */
export const EVENT_TYPE = { ERROR: 0, SMART: 1 } as const;

/** An event, with the log page that has the details. */
export interface AsyncEvent {
  readonly type: number;
  readonly info: number;
  readonly logPage: number;
}

export const INVALID_DOORBELL_REGISTER: AsyncEvent = {
  type: EVENT_TYPE.ERROR,
  info: 0,
  logPage: LOG_PAGE.ERROR,
};
export const INVALID_DOORBELL_VALUE: AsyncEvent = {
  type: EVENT_TYPE.ERROR,
  info: 1,
  logPage: LOG_PAGE.ERROR,
};
export const TEMPERATURE_OVER_THRESHOLD: AsyncEvent = {
  type: EVENT_TYPE.SMART,
  info: 1,
  logPage: LOG_PAGE.SMART,
};

/**
 * Completes Asynchronous Event Requests. Once an event is reported, others of its type are held back until the host
 * reads the log page.
 */
export class AsyncEvents {
  readonly #completer: Completer;
  readonly #requests: number[] = [];
  readonly #pending: AsyncEvent[] = [];
  readonly #maskedTypes = new Set<number>();

  constructor(completer: Completer) {
    this.#completer = completer;
  }

  /** Add a request; false when the limit is exceeded. */
  addRequest(commandId: number): boolean {
    if (this.#requests.length >= MAX_ASYNC_EVENT_REQUESTS) return false;
    this.#requests.push(commandId);
    return true;
  }

  /** Record an event for the next {@link deliver}; one of each type is kept. */
  raise(event: AsyncEvent): void {
    if (this.#maskedTypes.has(event.type)) return;
    if (this.#pending.some(({ type }) => type === event.type)) return;
    this.#pending.push(event);
  }

  /** The host has read this log page: events of its type may be reported again. */
  logPageRead(logPage: number): void {
    if (logPage === LOG_PAGE.ERROR) this.#maskedTypes.delete(EVENT_TYPE.ERROR);
    if (logPage === LOG_PAGE.SMART) this.#maskedTypes.delete(EVENT_TYPE.SMART);
  }

  /** Complete requests while there are events and free entries in the admin completion queue. */
  deliver(adminQueue: SubmissionQueue): void {
    while (this.#pending.length > 0 && this.#requests.length > 0) {
      if (adminQueue.completionQueue.free < 1) return;
      const event = this.#pending.shift() as AsyncEvent; // the loop condition
      this.#maskedTypes.add(event.type);
      const result = event.type | (event.info << 8) | (event.logPage << 16);
      this.#complete(adminQueue, this.#requests.shift() as number, STATUS.SUCCESS, result);
    }
  }

  /** Abort a request; false when there is none with this identifier, or no free completion queue entry. */
  abort(adminQueue: SubmissionQueue, commandId: number): boolean {
    const index = this.#requests.indexOf(commandId);
    if (index < 0 || adminQueue.completionQueue.free < 1) return false;
    this.#requests.splice(index, 1);
    this.#complete(adminQueue, commandId, STATUS.COMMAND_ABORT_REQUESTED, 0);
    return true;
  }

  /** The controller was reset. */
  reset(): void {
    this.#requests.length = 0;
    this.#pending.length = 0;
    this.#maskedTypes.clear();
  }

  #complete(queue: SubmissionQueue, commandId: number, status: Status, result: number): void {
    queue.completionQueue.reserved++;
    this.#completer.completeById(queue, commandId, status, result);
  }
}
