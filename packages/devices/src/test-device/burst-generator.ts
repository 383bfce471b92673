import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import type { Dma, Iova, Logger } from '@vfio-user/core';
import type { InterruptUnit } from './interrupt-unit.js';
import { errnoOf, Job } from './job.js';
import { NUMBER_BYTES, SequenceWriter } from './sequence-writer.js';

/** A burst command together with the registers' values at the moment it was written. */
export interface BurstRequest {
  readonly count: number;
  readonly vector: number;
  /** Microseconds between two interrupts; 0 is as fast as possible. */
  readonly period: number;
  /** Where each interrupt's number is written before it; absent for interrupts only. */
  readonly address?: Iova | undefined;
}

/** Interrupts of one turn of the event loop. */
const TURN_INTERRUPTS = 64;

/**
 * Signals a series of interrupts, each after a write of its number to guest memory. The write is
 * not awaited, and posted but for the last: that number N is in memory when interrupt N arrives is the
 * promise under test.
 */
export class BurstGenerator {
  /** Interrupts signalled by the last burst. */
  sent = 0;
  readonly #dma: Dma;
  readonly #interrupts: InterruptUnit;
  readonly #logger: Logger;
  #job = Job.NONE;
  #pause: AbortController | undefined;

  constructor(dma: Dma, interrupts: InterruptUnit, logger: Logger) {
    this.#dma = dma;
    this.#interrupts = interrupts;
    this.#logger = logger;
    // One behind it fails as well: the job has not ended yet.
    dma.onFault((error) => this.#job.end(errnoOf(error, logger)));
  }

  /** The last one, whose status and error the registers show. */
  get job(): Job {
    return this.#job;
  }

  /** Returns at once. Ignored while a burst is running. */
  start(request: BurstRequest): void {
    if (this.#job.running) return;
    const job = new Job();
    this.#job = job;
    this.#pause = new AbortController();
    this.sent = 0;
    const { signal } = this.#pause;
    // Not before the register write has been answered.
    queueMicrotask(() => void this.#run(job, request, signal));
  }

  cancel(): void {
    this.#job.cancel();
    this.#pause?.abort();
  }

  /** Back to the power-on state. */
  reset(): void {
    this.cancel();
    this.#job = Job.NONE;
    this.sent = 0;
  }

  async #run(job: Job, request: BurstRequest, signal: AbortSignal): Promise<void> {
    try {
      await this.#send(job, request, signal);
      job.end();
    } catch (cause) {
      // A cancelled job ends its pause by throwing.
      if (job.running) job.end(errnoOf(cause, this.#logger));
    }
  }

  async #send(job: Job, request: BurstRequest, signal: AbortSignal): Promise<void> {
    const { count, vector, period, address } = request;
    const place =
      address === undefined ? undefined : this.#dma.range(address, NUMBER_BYTES, 'write');
    const numbers = place && new SequenceWriter(place);
    const startedAt = performance.now();
    while (this.sent < count) {
      const due = dueAfter(performance.now() - startedAt, request);
      const turn = Math.min(due, this.sent + TURN_INTERRUPTS);
      while (this.sent < turn) {
        if (numbers?.full) await numbers.settle();
        if (!job.running) return;
        numbers?.write(this.sent + 1, this.sent + 1 === count);
        this.sent++;
        this.#interrupts.signal(vector);
      }
      const wait = startedAt + (this.sent * period) / 1000 - performance.now();
      if (wait > 0) await delay(wait, undefined, { signal });
      else await setImmediate();
    }
    await numbers?.drain();
  }
}

/** Interrupts that should have been signalled by now, the first one at once. */
function dueAfter(milliseconds: number, { count, period }: BurstRequest): number {
  if (period === 0) return count;
  return Math.min(count, 1 + Math.floor((milliseconds * 1000) / period));
}
