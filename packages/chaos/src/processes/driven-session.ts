import { setTimeout as delay } from 'node:timers/promises';
import { connectDevice, type DeviceClient } from '@vfio-user/core';
import { deferred } from '@vfio-user/core/internal';
import { Random } from '../random.js';
import { openWorkload } from '../workloads/all-workloads.js';
import { Tally } from '../workloads/tally.js';
import type { Workload } from '../workloads/workload.js';
import { loggerOf, registry } from './child.js';
import { type Answer, type Order, SILENCE_MS } from './messages.js';

/** From one round to the next, ms: several sessions share processors. */
const PAUSE_MS = 2;
/** How long an operation may take, whatever its link suffers, s. */
const PATIENCE_S = 60;

/** A session at work until it is told to finish. */
export class DrivenSession {
  readonly #tally = new Tally();
  readonly #onFailure: (reason: string) => void;
  #client: DeviceClient | undefined;
  #isFinishing = false;
  /** Resolves at the end of the next round that begins. */
  #settled: { resolve(): void } | undefined;
  #done: Promise<void> = Promise.resolve();

  /** @param onFailure it cannot go on. */
  constructor(onFailure: (reason: string) => void) {
    this.#onFailure = onFailure;
  }

  /** Resolves with the answer to an order. */
  async obey(order: Order): Promise<Answer> {
    switch (order.order) {
      case 'open':
        await this.#open(order);
        break;
      case 'watch':
        this.#tally.watch();
        break;
      case 'settle': {
        const { promise, resolve } = deferred();
        this.#settled = { resolve };
        await promise;
        break;
      }
      case 'finish':
        this.#isFinishing = true;
        await this.#done;
        break;
    }
    return this.answer();
  }

  answer(): Answer {
    const { outcome, notes, longestGapMs: gapMs } = this.#tally;
    return { outcome, notes, gapMs };
  }

  async #open({ workload, uri, seed }: Extract<Order, { order: 'open' }>): Promise<void> {
    const options = { registry, silenceMs: SILENCE_MS, timeoutMs: 0, logger: loggerOf() };
    const client = await connectDevice(uri, options);
    this.#client = client;
    void client.closed.then((error) => {
      if (!this.#isFinishing) this.#onFailure(`the session ended: ${error?.message ?? 'closed'}`);
    });
    const opened = await openWorkload[workload](client, this.#tally, new Random(seed));
    this.#watch();
    this.#done = this.#work(opened).catch((error: Error) => this.#onFailure(error.message));
  }

  async #work(workload: Workload): Promise<void> {
    while (!this.#isFinishing) {
      const settled = this.#settled;
      await workload.round();
      if (settled !== undefined) {
        settled.resolve();
        if (this.#settled === settled) this.#settled = undefined;
      }
      await delay(PAUSE_MS);
    }
    await workload.close();
  }

  /** Seconds are counted, not read off a clock: this process may be stopped. */
  #watch(): void {
    let before = -1;
    let idle = 0;
    const timer = setInterval(() => {
      const { operations } = this.#tally.outcome;
      idle = operations === before ? idle + 1 : 0;
      before = operations;
      if (idle < PATIENCE_S || this.#isFinishing) return;
      clearInterval(timer);
      const note = `an operation that has not ended within ${PATIENCE_S} s`;
      this.#tally.lost(1, note);
      this.#onFailure(note);
    }, 1_000);
    void this.#client?.closed.then(() => clearInterval(timer));
  }
}
