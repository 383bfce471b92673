import type { Iova } from '@vfio-user/core';
import { type Configuration, MAX_PAGE_SHIFT, MIN_PAGE_BYTES } from '../registers.js';

/** Addresses and sizes of the admin queues (AQA, ASQ, ACQ). */
export interface AdminQueues {
  readonly submission: { readonly base: Iova; readonly entryCount: number };
  readonly completion: { readonly base: Iova; readonly entryCount: number };
}

/** Why the controller cannot be enabled with these settings; `undefined` when it can. */
export function refusalToEnable(
  configuration: Configuration,
  { submission, completion }: AdminQueues,
): string | undefined {
  const { mps, css, ams } = configuration;
  if (css !== 0) return `CC.CSS ${css} is not the NVM command set`;
  if (ams !== 0) return `CC.AMS ${ams} is not round robin`;
  if (mps > MAX_PAGE_SHIFT) return `CC.MPS ${mps} is above CAP.MPSMAX`;
  if (submission.entryCount < 2 || completion.entryCount < 2) {
    return 'AQA asks for a queue of one entry';
  }
  const pageBytes = BigInt(MIN_PAGE_BYTES << mps);
  const isAligned = (base: Iova): boolean => BigInt(base) % pageBytes === 0n;
  if (!isAligned(submission.base)) return 'ASQ is not aligned to the memory page size';
  if (!isAligned(completion.base)) return 'ACQ is not aligned to the memory page size';
  return undefined;
}
