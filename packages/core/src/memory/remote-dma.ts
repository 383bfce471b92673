import type { Iova } from '../address.js';
import type { WriteOrder } from '../device/dma.js';
import { EFAULT } from '../errno.js';
import { DmaFaultError } from '../errors.js';
import type { DmaMapping } from './mapping.js';

/** Guest memory that is not mapped here: what a session offers for mappings without a descriptor. */
export interface RemoteDma {
  /** Both cut the transfer to what the client accepts. The buffer must stay untouched until done. */
  read(mapping: DmaMapping, address: Iova, target: Uint8Array): Promise<void>;
  write(mapping: DmaMapping, address: Iova, source: Uint8Array, order?: WriteOrder): Promise<void>;
  /**
   * Fail what is under way for a mapping that is going away; late replies are ignored. What cannot
   * be called back has ended when the promise resolves.
   */
  cancel(mapping: DmaMapping): Promise<void> | undefined;
  /** Fail what has not left. */
  cancelWaiting(): void;
}

/**
 * Memory of a client that is gone. Refuses by a promise, as a real one does: other parts of the
 * transfer may be under way.
 */
export function disconnectedDma(mapping: DmaMapping): RemoteDma {
  const refuse = (): Promise<never> =>
    Promise.reject(new DmaFaultError(EFAULT, `DMA to ${mapping}: the client is gone`));
  return { read: refuse, write: refuse, cancel: () => undefined, cancelWaiting() {} };
}
