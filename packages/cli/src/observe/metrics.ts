import { diagnostics, type RequestHandled } from '@vfio-user/core';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { commandLabel } from './labels.js';
import { type CountedMetric, countedMetrics, requestDuration } from './metric-table.js';
import type { Tally } from './tally.js';

/** The metrics of this process for Prometheus. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #duration: Histogram;
  readonly #byCommand = new Map<number, Histogram.Internal<string>>();

  constructor(tally: Tally) {
    for (const metric of countedMetrics) this.#add(metric, tally);
    const { name, help, labels, buckets } = requestDuration;
    this.#duration = new Histogram({
      name,
      help,
      labelNames: labels,
      buckets,
      registers: [this.#registry],
    });
    diagnostics.request.subscribe(this.#onRequest);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** In the text format of Prometheus. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  stop(): void {
    diagnostics.request.unsubscribe(this.#onRequest);
  }

  readonly #onRequest = ({ command, durationMs }: RequestHandled): void => {
    let duration = this.#byCommand.get(command);
    if (duration === undefined) {
      const label = commandLabel(command);
      duration = this.#duration.labels(label);
      // Unknown numbers are not kept: a peer could send any of them.
      if (label !== 'unknown') this.#byCommand.set(command, duration);
    }
    duration.observe(durationMs / 1000);
  };

  #add({ name, type, help, labels, samples }: CountedMetric, tally: Tally): void {
    const options = { name, help, labelNames: labels, registers: [this.#registry] };
    if (type === 'gauge') {
      const gauge = new Gauge({
        ...options,
        collect() {
          for (const [values, value] of samples(tally)) gauge.labels(...values).set(value);
        },
      });
    } else {
      const counter = new Counter({
        ...options,
        collect() {
          counter.reset();
          for (const [values, value] of samples(tally)) counter.labels(...values).inc(value);
        },
      });
    }
  }
}
