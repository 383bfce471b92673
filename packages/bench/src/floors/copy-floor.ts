import type { CaseRunner, WorkDone } from '../engine/contender.js';
import { type Histogram, recordMilliseconds } from '../statistics.js';
import type { CopyWork } from './floor-work.js';

/** Bytes copied between two looks at the clock, when single copies are not timed. */
const CLOCK_BYTES = 2 ** 18;

/** Copies between two areas of this process. */
export function copyFloor({ blockBytes, footprintBytes, timed }: CopyWork): CaseRunner {
  const source = new Uint8Array(footprintBytes).fill(1);
  const target = new Uint8Array(footprintBytes).fill(2);
  const batch = timed ? 1 : Math.max(1, Math.floor(CLOCK_BYTES / blockBytes));
  let at = 0;
  const copy = (): void => {
    target.set(source.subarray(at, at + blockBytes), at);
    at += blockBytes;
    if (at + blockBytes > footprintBytes) at = 0;
  };
  return {
    measure(milliseconds: number, latencies: Histogram): WorkDone {
      const startedAt = performance.now();
      const end = startedAt + milliseconds;
      let operations = 0;
      let now = startedAt;
      do {
        const before = now;
        for (let copied = 0; copied < batch; copied++) copy();
        now = performance.now();
        operations += batch;
        if (timed) recordMilliseconds(latencies, now - before);
      } while (now < end);
      return { operations, milliseconds: now - startedAt };
    },
  };
}
