import type { Notifier } from '../transport/resources.js';

/** One interrupt index as DEVICE_SET_IRQS sees it. Vectors are in range: checked before. */
export interface InterruptIndex {
  /** How many vectors it has; 0 when the device does not have this kind. */
  readonly count: number;
  /** Take over `notifiers` for the vectors from `start` on; those assigned before are closed. */
  assign(start: number, notifiers: readonly Notifier[]): void;
  /** Close the notifiers of a range. */
  deassign(start: number, count: number): void;
  /** ACTION_MASK and ACTION_UNMASK. */
  setMask(vector: number, masked: boolean): void;
  /** The client tests its own wiring: notify, whatever is masked. */
  trigger(vector: number): void;
  /** Close all notifiers and forget what the client masked. */
  disable(): void;
}
