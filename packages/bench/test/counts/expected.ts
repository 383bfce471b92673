import type { Counts } from './counters.js';

/**
 * What an operation takes, both ends together, at most. Whoever makes it dearer sees it here; whoever makes it cheaper
 * enters the new figures. Messages and system calls are as counted; of what is allocated it is half as much again.
 */
export const expected: Readonly<Record<string, Counts>> = {
  // messages, sends, receives, signals, allocated bytes
  'region read, unix': counts(2, 2, 2, 0, 3000),
  'region read, tcp': counts(2, 2, 2, 0, 3900),
  '32 posted writes and a read, unix': counts(34, 34, 2, 0, 22_000),
  '32 posted writes and a read, tcp': counts(34, 2, 2, 0, 24_000),
  'interrupt, unix': counts(1, 1, 1, 1, 3200),
  'interrupt, tcp': counts(2, 2, 2, 0, 4300),
  'DMA read of 1 MiB, tcp': counts(42, 38, 40, 0, 140_000),
  'DMA write of 1 MiB, tcp': counts(42, 38, 40, 0, 140_000),
  'NVMe read of 4 KiB, mapped': counts(0, 0, 0, 0, 10_000),
  'NVMe read of 4 KiB, unix': counts(2, 2, 1, 1, 8500),
  'NVMe read of 4 KiB, tcp': counts(5, 3, 2, 0, 16_500),
  '32 NVMe reads of 4 KiB at a time, tcp': counts(44, 8, 6, 0, 110_000),
};

function counts(
  messages: number,
  sends: number,
  receives: number,
  signals: number,
  allocatedBytes: number,
): Counts {
  return { messages, sends, receives, signals, allocatedBytes };
}
