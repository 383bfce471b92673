import type { Iova } from '../address.js';
import type { DmaMapping } from './mapping.js';

/** Guest memory that is not mapped here: what a session offers for mappings without a descriptor. */
export interface RemoteMemory {
  /** Both cut the transfer to what the client accepts. The buffer must stay untouched until done. */
  read(mapping: DmaMapping, address: Iova, target: Uint8Array): Promise<void>;
  write(mapping: DmaMapping, address: Iova, source: Uint8Array): Promise<void>;
  /**
   * Fail what is under way for a mapping that is going away; late replies are ignored. What cannot
   * be called back has ended when the promise resolves.
   */
  cancel(mapping: DmaMapping): Promise<void> | undefined;
}
