import { setImmediate } from 'node:timers/promises';
import { type Histogram, recordMilliseconds } from '../statistics.js';
import type { WorkDone } from './contender.js';

/** Tells the time in milliseconds, from any moment on. */
export type Clock = () => number;

const systemClock: Clock = () => performance.now();

/** Do an operation again and again, the next one when the last one has ended. */
export async function closedLoop(
  milliseconds: number,
  latencies: Histogram,
  operation: () => Promise<void>,
  clock: Clock = systemClock,
): Promise<WorkDone> {
  const startedAt = clock();
  const end = startedAt + milliseconds;
  let operations = 0;
  let now = startedAt;
  do {
    const before = now;
    await operation();
    now = clock();
    recordMilliseconds(latencies, now - before);
    operations++;
  } while (now < end);
  return { operations, milliseconds: now - startedAt };
}

/**
 * Do an operation `rate` times a second. One that is late because others took long starts as soon
 * as it can, and has its wait counted: a client that does not care about our troubles would wait.
 */
export async function openLoop(
  milliseconds: number,
  latencies: Histogram,
  { rate, operation }: { readonly rate: number; readonly operation: () => Promise<void> },
  clock: Clock = systemClock,
): Promise<WorkDone> {
  const startedAt = clock();
  const count = Math.max(1, Math.floor((milliseconds * rate) / 1000));
  for (let index = 0; index < count; index++) {
    const due = startedAt + (index * 1000) / rate;
    // A timer would be a millisecond late.
    while (clock() < due) await setImmediate();
    await operation();
    recordMilliseconds(latencies, clock() - due);
  }
  return { operations: count, milliseconds: clock() - startedAt };
}

/**
 * Whether an operation starts when the one before has ended (closed), or when its time has come:
 * then its latency counts from that time, even if it could not start (open).
 */
export type Loop = 'closed' | 'open';
