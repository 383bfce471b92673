import { type Histogram, recordMilliseconds } from '../statistics.js';
import type { Work } from './contender.js';
import type { Disk, Transfers } from './nvme-disk.js';

/** Random numbers below `count`, the same ones each time. */
export function randomBlocks(count: number): () => number {
  let random = 0x9e37_79b9;
  return () => {
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    return (random >>> 0) % count;
  };
}

/** Random transfers for about `milliseconds`. */
export async function transferFor(
  milliseconds: number,
  latencies: Histogram,
  disk: Disk,
  how: Omit<Transfers, 'ended'>,
): Promise<Work> {
  let operations = 0;
  const startedAt = performance.now();
  const end = startedAt + milliseconds;
  await disk.transfer({
    ...how,
    next: () => (performance.now() < end || operations === 0 ? how.next() : -1),
    ended(took) {
      operations++;
      recordMilliseconds(latencies, took);
    },
  });
  return { operations, milliseconds: performance.now() - startedAt };
}
