import type { Notifier } from '../transport/resources.js';

/** One interrupt index, for DEVICE_SET_IRQS. Vectors have been checked. */
export interface InterruptIndex {
  /** Number of vectors, 0 if the device has none of this kind. */
  readonly count: number;
  /** Assign `notifiers` to the vectors from `start` on; closes earlier ones. */
  assign(start: number, notifiers: readonly Notifier[]): void;
  /** Close the notifiers of a range. */
  deassign(start: number, count: number): void;
  /** ACTION_MASK and ACTION_UNMASK. */
  setMask(vector: number, masked: boolean): void;
  /** Notify regardless of masks, for a client that tests its notifiers. */
  trigger(vector: number): void;
  /** Close all notifiers and clear the client's masks. */
  disable(): void;
}
