import type { Tally } from './tally.js';

/** What a tally has counted so far, to be read by a person or logged as JSON. */
export function summaryOf(tally: Tally): object {
  return {
    sessions: {
      begun: tally.sessionsBegun,
      ended: tally.sessionsEnded,
      turnedAway: Object.fromEntries(tally.turnedAway),
    },
    requests: byName(tally.requests, ({ count, failed, bytesIn, bytesOut, latency }) => ({
      count,
      failed,
      bytesIn,
      bytesOut,
      p50Us: microseconds(latency.percentile(50)),
      p99Us: microseconds(latency.percentile(99)),
    })),
    dma: byName(tally.dma, ({ count, failed, bytes }) => ({ count, failed, bytes })),
    interrupts: Object.fromEntries(tally.interrupts),
    link: { lost: tally.linksLost, reachedAgain: tally.linksReachedAgain },
    errors: Object.fromEntries(tally.errors),
  };
}

function byName<T>(counts: ReadonlyMap<string, T>, tell: (value: T) => object): object {
  return Object.fromEntries(Array.from(counts, ([name, value]) => [name, tell(value)]));
}

function microseconds(nanoseconds: number): number {
  return Math.round(nanoseconds / 100) / 10;
}
