import type { Iova } from '../address.js';
import type { WriteOrder } from '../device/dma.js';
import { EFAULT } from '../errno.js';
import { DmaFaultError } from '../errors.js';
import type { DmaMapping } from './mapping.js';

/** Access to guest memory that is not mapped in this process. */
export interface RemoteDma {
  /**
   * Both split the transfer to what the client accepts. The buffer must stay untouched until done.
   */
  read(mapping: DmaMapping, address: Iova, target: Uint8Array): Promise<void>;
  /** `undefined`: it was posted, and the buffer is free. */
  write(
    mapping: DmaMapping,
    address: Iova,
    source: Uint8Array,
    order?: WriteOrder,
  ): Promise<void> | undefined;
  /**
   * Fail the transfers of a mapping that is being removed; late replies are ignored. Transfers that
   * cannot be cancelled have ended when the promise resolves.
   */
  cancel(mapping: DmaMapping): Promise<void> | undefined;
  /** Fail what is not yet sent. */
  cancelWaiting(): void;
}

/**
 * Memory of a client that is gone: rejects, instead of throwing, as other parts of the transfer may
 * be in flight.
 */
export function disconnectedDma(mapping: DmaMapping): RemoteDma {
  const refuse = (): Promise<never> =>
    Promise.reject(new DmaFaultError(EFAULT, `DMA to ${mapping}: the client is gone`));
  return { read: refuse, write: refuse, cancel: () => undefined, cancelWaiting() {} };
}
