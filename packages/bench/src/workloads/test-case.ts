/** The tests by the names of `--tests`, in the order in which they run. */
export const TEST_NAMES = [
  'connect',
  'region-read',
  'region-write',
  'posted-write',
  'doorbell',
  'interrupts',
  'nvme-read',
  'nvme-write',
  'dma-read',
  'dma-write',
] as const;

export type TestName = (typeof TEST_NAMES)[number];

/**
 * Whether an operation starts when the one before has ended (closed), or when its time has come:
 * then its latency counts from that time, even if it could not start (open).
 */
export type Loop = 'closed' | 'open';

/** What is compared: the median time of an operation, or how many of them a second. */
export type Quantity = 'latency' | 'rate';

/** One measurement of a test: all transports take it by turns. */
export interface TestCase {
  readonly test: TestName;
  /** Unique in a run, for example `dma-read/latency/4096`. */
  readonly id: string;
  /** What tells it from the other cases of its test; empty if there are none. */
  readonly title: string;
  readonly quantity: Quantity;
  readonly loop: Loop;
  /** Operations under way at once. */
  readonly depth: number;
  /** Bytes that an operation moves, for those that are about data. */
  readonly blockBytes?: number;
}

/** What the cases of a run are made of. */
export interface CaseSettings {
  /** Bytes of blocks. */
  readonly sizes: readonly number[];
  readonly depths: readonly number[];
}
