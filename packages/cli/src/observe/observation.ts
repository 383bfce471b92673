import type { Logger } from '@vfio-user/core';
import { LimitedLogger } from '@vfio-user/core/internal';
import type { MetricsServer } from './metrics-server.js';
import { summaryOf, Tally } from './tally.js';

/** The options of commands that can be observed. */
export interface ObserveOptions {
  readonly metrics?: string | undefined;
  readonly insecure?: boolean | undefined;
}

/**
 * Metrics and statistics of a running server. Counting costs a little with every message, so it
 * begins when it is asked for: at once with `--metrics`, else with the first SIGUSR2.
 */
export class Observation {
  readonly #tally = new Tally();
  readonly #startedAt = performance.now();
  #countingSince: number | undefined;
  #stopMetrics = async (): Promise<void> => {};

  /** @throws when `--metrics` is wrong, or its address is taken. */
  static async start(
    { metrics, insecure = false }: ObserveOptions,
    logger: Logger,
  ): Promise<Observation> {
    const observation = new Observation();
    if (metrics !== undefined) await observation.#serveMetrics(metrics, insecure, logger);
    return observation;
  }

  /** The statistics for SIGUSR2; `own` are those of the server itself. */
  statistics(own: object): object {
    const now = performance.now();
    const since = this.#countingSince;
    const common = { uptimeSeconds: seconds(now - this.#startedAt), ...own };
    if (since !== undefined) {
      return { ...common, countedSeconds: seconds(now - since), ...summaryOf(this.#tally) };
    }
    this.#count();
    return { ...common, counting: 'requests, DMA and interrupts are counted from now on' };
  }

  async close(): Promise<void> {
    this.#tally.stop();
    await this.#stopMetrics();
  }

  #count(): void {
    this.#countingSince = performance.now();
    this.#tally.start();
  }

  async #serveMetrics(text: string, insecure: boolean, logger: Logger): Promise<void> {
    const [{ metricsAddress }, { Metrics }, { MetricsServer }] = await Promise.all([
      import('./metrics-address.js'),
      import('./metrics.js'),
      import('./metrics-server.js'),
    ]);
    const address = await metricsAddress(text, insecure);
    const metrics = new Metrics(this.#tally);
    let server: MetricsServer;
    try {
      server = await MetricsServer.listen(address, metrics, LimitedLogger.over(logger));
    } catch (error) {
      metrics.stop();
      throw error;
    }
    this.#count();
    this.#stopMetrics = async () => {
      metrics.stop();
      await server.close();
    };
    logger.info({ url: server.url }, 'metrics');
  }
}

function seconds(milliseconds: number): number {
  return Math.round(milliseconds / 100) / 10;
}
