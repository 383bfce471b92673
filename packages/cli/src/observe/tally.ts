import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import {
  type DmaDone,
  type DmaPath,
  diagnostics,
  type ErrorSeen,
  type InterruptSent,
  type LinkChange,
  type RequestHandled,
  type SessionChange,
} from '@vfio-user/core';
import { commandLabel, errorLabel, interruptLabel, refusalLabel } from './labels.js';

/** Highest latency recorded, ns. */
const MAX_LATENCY_NS = 600e9;

/** Counts of one command. */
export interface RequestCounts {
  count: number;
  /** Requests answered with an error. */
  failed: number;
  bytesIn: number;
  bytesOut: number;
  /** Nanoseconds. */
  readonly latency: RecordableHistogram;
}

/** Counts of one path to guest memory, in one direction. */
export interface DmaCounts {
  readonly path: DmaPath;
  readonly direction: string;
  count: number;
  failed: number;
  bytes: number;
}

/** Counts what the diagnostics channels publish, from {@link start} until {@link stop}. */
export class Tally {
  /** By command. */
  readonly requests = new Map<string, RequestCounts>();
  /** By path and direction. */
  readonly dma = new Map<string, DmaCounts>();
  readonly interrupts = new Map<string, number>();
  readonly turnedAway = new Map<string, number>();
  readonly errors = new Map<string, number>();
  sessionsBegun = 0;
  sessionsEnded = 0;
  linksLost = 0;
  linksReachedAgain = 0;
  linksInterrupted = 0;
  linksContinued = 0;
  /** Sessions that ended without a link. */
  sessionsGivenUp = 0;
  framesSentAgain = 0;
  longestGapMs = 0;

  start(): void {
    diagnostics.request.subscribe(this.#onRequest);
    diagnostics.dma.subscribe(this.#onDma);
    diagnostics.interrupt.subscribe(this.#onInterrupt);
    diagnostics.session.subscribe(this.#onSession);
    diagnostics.link.subscribe(this.#onLink);
    diagnostics.error.subscribe(this.#onError);
  }

  stop(): void {
    diagnostics.request.unsubscribe(this.#onRequest);
    diagnostics.dma.unsubscribe(this.#onDma);
    diagnostics.interrupt.unsubscribe(this.#onInterrupt);
    diagnostics.session.unsubscribe(this.#onSession);
    diagnostics.link.unsubscribe(this.#onLink);
    diagnostics.error.unsubscribe(this.#onError);
  }

  readonly #onRequest = (request: RequestHandled): void => {
    const counts = this.#countsOf(commandLabel(request.command));
    counts.count++;
    if (request.errno !== 0) counts.failed++;
    counts.bytesIn += request.bytesIn;
    counts.bytesOut += request.bytesOut;
    const nanoseconds = Math.round(request.durationMs * 1e6);
    counts.latency.record(Math.min(Math.max(nanoseconds, 1), MAX_LATENCY_NS));
  };

  readonly #onDma = ({ path, direction, bytes, errno }: DmaDone): void => {
    const key = `${path} ${direction}`;
    let counts = this.dma.get(key);
    if (counts === undefined) {
      counts = { path, direction, count: 0, failed: 0, bytes: 0 };
      this.dma.set(key, counts);
    }
    counts.count++;
    if (errno === 0) counts.bytes += bytes;
    else counts.failed++;
  };

  readonly #onInterrupt = ({ index, count }: InterruptSent): void => {
    add(this.interrupts, interruptLabel(index), count);
  };

  readonly #onSession = (change: SessionChange): void => {
    if (change.event === 'begun') this.sessionsBegun++;
    else if (change.event === 'ended') this.sessionsEnded++;
    else add(this.turnedAway, refusalLabel(change.error), 1);
  };

  readonly #onLink = (change: LinkChange): void => {
    switch (change.event) {
      case 'interrupted':
        this.linksInterrupted++;
        return;
      case 'continued':
        this.linksContinued++;
        this.framesSentAgain += change.framesSentAgain;
        this.longestGapMs = Math.max(this.longestGapMs, change.gapMs);
        return;
      case 'given-up':
        this.sessionsGivenUp++;
        return;
      case 'lost':
        this.linksLost++;
        return;
      case 'reached-again':
        this.linksReachedAgain++;
    }
  };

  readonly #onError = ({ error }: ErrorSeen): void => {
    add(this.errors, errorLabel(error), 1);
  };

  #countsOf(command: string): RequestCounts {
    let counts = this.requests.get(command);
    if (counts === undefined) {
      const latency = createHistogram({ lowest: 1, highest: MAX_LATENCY_NS, figures: 2 });
      counts = { count: 0, failed: 0, bytesIn: 0, bytesOut: 0, latency };
      this.requests.set(command, counts);
    }
    return counts;
  }
}

function add(counts: Map<string, number>, label: string, count: number): void {
  counts.set(label, (counts.get(label) ?? 0) + count);
}

/** The counts so far, as an object to be logged. */
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
