import { setImmediate } from 'node:timers/promises';
import type { Dma, Logger } from '@vfio-user/core';
import { type DmaRequest, refusal } from './dma-request.js';
import type { InterruptUnit } from './interrupt-unit.js';
import { errnoOf, Job, outcomeOf } from './job.js';
import { createTransfer, type Transfer } from './transfer.js';

/** How long chunks are moved without a pause before others get their turn. */
const TURN_MS = 1;
/** Bytes moved between two looks at the clock: a few microseconds. */
const CLOCK_BYTES = 2 ** 16;
/** What a chunk counts at least, so that tiny chunks end a turn as well. */
const CHUNK_COST = 2 ** 10;

interface Waiting {
  readonly offset: number;
  readonly size: number;
  readonly slot: number;
  readonly outcome: Promise<unknown>;
}

/** Runs one DMA request at a time, beside everything else the device does. */
export class DmaEngine {
  /** Requests that ended without error. */
  operations = 0;
  bytes = 0;
  /** How long the last request took. */
  nanoseconds = 0;
  checksum = 0;
  readonly #dma: Dma;
  readonly #memory: Uint8Array;
  readonly #interrupts: InterruptUnit;
  readonly #logger: Logger;
  #job = Job.NONE;

  constructor(dma: Dma, memory: Uint8Array, interrupts: InterruptUnit, logger: Logger) {
    this.#dma = dma;
    this.#memory = memory;
    this.#interrupts = interrupts;
    this.#logger = logger;
  }

  /** The last one, whose status and error the registers show. */
  get job(): Job {
    return this.#job;
  }

  /** Returns at once; `vector` is signalled at the end. Ignored while a request is under way. */
  start(request: DmaRequest, vector: number): void {
    if (this.#job.running) return;
    const job = new Job(() => this.#interrupts.signal(vector));
    this.#job = job;
    // Not before the register write has been answered.
    queueMicrotask(() => void this.#run(job, request));
  }

  cancel(): void {
    this.#job.cancel();
  }

  /**
   * Back to the power-on state. Does not wait for transfers under way: a client that waits for the
   * end of a reset may not serve memory accesses meanwhile. No new ones start; one that was loading
   * device memory may still arrive there.
   */
  reset(): void {
    this.#job.abandon();
    this.#dma.cancelWaiting();
    this.#job = Job.NONE;
    this.operations = 0;
    this.bytes = 0;
    this.nanoseconds = 0;
    this.checksum = 0;
  }

  async #run(job: Job, request: DmaRequest): Promise<void> {
    const startedAt = performance.now();
    let error = refusal(request, this.#memory.length);
    if (error === 0 && request.length > 0) {
      try {
        const transfer = createTransfer(request, this.#dma, this.#memory);
        await this.#pump(job, request, transfer);
        if (job.running) this.checksum = transfer.checksum ?? 0;
      } catch (cause) {
        error = errnoOf(cause, this.#logger);
      }
    }
    if (!job.running) return;
    this.nanoseconds = Math.round((performance.now() - startedAt) * 1e6);
    if (error === 0) this.operations++;
    job.end(error);
  }

  /** Keeps up to `depth` chunks under way until all are through or the job ends. */
  async #pump(job: Job, request: DmaRequest, transfer: Transfer): Promise<void> {
    const { length, chunk, depth, repeat } = request;
    const waiting: Waiting[] = [];
    let slot = 0;
    let turnEnd = performance.now() + TURN_MS;
    let untilClock = CLOCK_BYTES;

    const settleOldest = async (): Promise<void> => {
      const { outcome, ...oldest } = waiting.shift() as Waiting;
      const failure = await outcome;
      if (!job.running) return;
      if (failure !== undefined) throw failure;
      transfer.finish?.(oldest.offset, oldest.size, oldest.slot);
      this.bytes += oldest.size;
    };

    for (let pass = 0; pass < repeat; pass++) {
      for (let offset = 0; offset < length; offset += chunk) {
        if (waiting.length === depth) await settleOldest();
        if (!job.running) return;
        const size = Math.min(chunk, length - offset);
        const started = transfer.start(offset, size, slot);
        if (started === undefined) {
          this.bytes += size;
        } else {
          waiting.push({ offset, size, slot, outcome: outcomeOf(started) });
          slot = (slot + 1) % depth;
        }
        untilClock -= Math.max(size, CHUNK_COST);
        if (untilClock > 0) continue;
        untilClock = CLOCK_BYTES;
        if (performance.now() < turnEnd) continue;
        await setImmediate();
        turnEnd = performance.now() + TURN_MS;
      }
    }
    while (waiting.length > 0 && job.running) await settleOldest();
  }
}
