import { connectDevice, VfioUserError } from '@vfio-user/core';
import { type CaseRunner, measureRound } from '../engine/contender.js';
import { BenchError } from '../errors.js';
import { createHistogram, encodeHistogram } from '../statistics.js';
import type { BenchHost } from '../targets/target.js';
import { allWorkloads } from '../workloads/all-workloads.js';
import type { OpenWorkload } from '../workloads/workload.js';
import type { ClientAnswer, ClientReplies, ClientRequest } from './client-messages.js';

/** How long a request of a benchmark may stay unanswered, ms. */
const TIMEOUT_MS = 20_000;

type Open = Extract<ClientRequest, { type: 'open' }>;
type Begin = Extract<ClientRequest, { type: 'begin' }>;

/** Runs workloads over one transport, as the parent process asks. */
export class BenchClient {
  readonly #loadTransports: BenchHost['loadTransports'];
  readonly #histogram = createHistogram();
  #workload: OpenWorkload | undefined;
  #runner: CaseRunner | undefined;

  constructor(loadTransports: BenchHost['loadTransports']) {
    this.#loadTransports = loadTransports;
  }

  /** Never rejects. */
  async answer(request: ClientRequest): Promise<ClientAnswer> {
    try {
      return { value: await this.#do(request) };
    } catch (error) {
      const isExpected = VfioUserError.is(error);
      const { message, stack = message } = error instanceof Error ? error : new Error(`${error}`);
      return { error: { message: isExpected ? message : stack, isExpected } };
    }
  }

  #do(request: ClientRequest): Promise<ClientReplies[ClientRequest['type']]> {
    switch (request.type) {
      case 'open':
        return this.#open(request);
      case 'begin':
        return this.#begin(request);
      case 'round':
        return this.#round(request.milliseconds);
      case 'close':
        return this.#close();
    }
  }

  async #open({ server, workload, settings }: Open): Promise<null> {
    const { uri, kind, encoding } = server;
    const registry = await this.#loadTransports([uri]);
    const connect = () => connectDevice(uri, { registry, timeoutMs: TIMEOUT_MS });
    const found = allWorkloads.find(({ name }) => name === workload);
    this.#workload = await found?.open({ kind, encoding, connect }, settings);
    return null;
  }

  async #begin({ workloadCase }: Begin): Promise<ClientReplies['begin']> {
    this.#runner = this.#workload?.runner(workloadCase);
    const floor = this.#workload?.floor(workloadCase) ?? null;
    return { isPossible: this.#runner !== undefined, floor };
  }

  async #round(milliseconds: number): Promise<ClientReplies['round']> {
    const histogram = this.#histogram;
    histogram.reset();
    if (this.#runner === undefined) throw new BenchError('no case was begun');
    const measured = await measureRound(this.#runner, milliseconds, histogram);
    const text = histogram.totalCount === 0 ? '' : encodeHistogram(histogram);
    return { ...measured, histogram: text };
  }

  async #close(): Promise<null> {
    await this.#workload?.close();
    this.#workload = undefined;
    this.#runner = undefined;
    return null;
  }
}
