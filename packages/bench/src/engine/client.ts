import { connectDevice, VfioUserError } from '@vfio-user/core';
import { BenchError } from '../errors.js';
import { createHistogram, encodeHistogram } from '../statistics.js';
import { catalogue } from '../workloads/catalogue.js';
import type { Contender } from '../workloads/contender.js';
import type { OpenTest } from '../workloads/test-family.js';
import type { BenchHost } from './host.js';
import { measureRound } from './measure-round.js';
import type { ClientAnswer, ClientReplies, ClientRequest } from './messages.js';

/** How long a request of a benchmark may stay unanswered, ms. */
const TIMEOUT_MS = 20_000;

type Open = Extract<ClientRequest, { type: 'open' }>;
type Begin = Extract<ClientRequest, { type: 'begin' }>;

/** Runs tests of one transport for the process that asks. */
export class BenchClient {
  readonly #loadTransports: BenchHost['loadTransports'];
  readonly #histogram = createHistogram();
  #test: OpenTest | undefined;
  #contender: Contender | undefined;

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

  async #open({ server, test, settings }: Open): Promise<null> {
    const { uri, kind, encoding } = server;
    const registry = await this.#loadTransports([uri]);
    const connect = () => connectDevice(uri, { registry, timeoutMs: TIMEOUT_MS });
    const family = catalogue.find(({ name }) => name === test);
    this.#test = await family?.open({ kind, encoding, connect }, settings);
    return null;
  }

  async #begin({ testCase }: Begin): Promise<ClientReplies['begin']> {
    this.#contender = this.#test?.contender(testCase);
    const floor = this.#test?.floor(testCase) ?? null;
    return { isPossible: this.#contender !== undefined, floor };
  }

  async #round(milliseconds: number): Promise<ClientReplies['round']> {
    const histogram = this.#histogram;
    histogram.reset();
    if (this.#contender === undefined) throw new BenchError('no case was begun');
    const measured = await measureRound(this.#contender, milliseconds, histogram);
    const text = histogram.totalCount === 0 ? '' : encodeHistogram(histogram);
    return { ...measured, histogram: text };
  }

  async #close(): Promise<null> {
    await this.#test?.close();
    this.#test = undefined;
    this.#contender = undefined;
    return null;
  }
}
