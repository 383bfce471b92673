import type { TestCase, TestName } from './test-case.js';

/** A test of single operations: one after the other, and at a fixed rate. */
export function loopCases(test: TestName): readonly TestCase[] {
  return (['closed', 'open'] as const).map((loop) => ({
    test,
    id: `${test}/${loop}`,
    title: loop === 'closed' ? 'closed loop' : 'open loop',
    quantity: 'latency',
    loop,
    depth: 1,
  }));
}
