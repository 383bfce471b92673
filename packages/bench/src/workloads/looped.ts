import type { Contender } from './contender.js';
import { closedLoop, openLoop } from './loops.js';
import type { TestCase } from './test-case.js';
import type { TestSettings } from './test-family.js';

/** An operation in the loop of its case. */
export function looped(
  { loop }: TestCase,
  { rate }: TestSettings,
  operation: () => Promise<void>,
): Contender['measure'] {
  return (milliseconds, latencies) =>
    loop === 'open'
      ? openLoop(milliseconds, latencies, { rate, operation })
      : closedLoop(milliseconds, latencies, operation);
}
