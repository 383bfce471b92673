import { readdirSync, readFileSync } from 'node:fs';

/** Processor time of a process so far, nanoseconds; `undefined` where the kernel does not say. */
export function processorTime(pid: number): number | undefined {
  try {
    const folder = `/proc/${pid}/task`;
    let total = 0;
    for (const task of readdirSync(folder)) {
      total += Number(readFileSync(`${folder}/${task}/schedstat`, 'utf8').split(' ', 1)[0]);
    }
    return total;
  } catch {
    return undefined;
  }
}
