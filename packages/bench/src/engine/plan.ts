import { catalogue } from '../workloads/catalogue.js';
import type { TestCase } from '../workloads/test-case.js';
import type { TestFamily } from '../workloads/test-family.js';
import type { RunOptions } from './options.js';

/** Single operations are rare enough that their tail needs more time than a rate. */
const LATENCY_WEIGHT = 4;

/** The tests of a run and their cases. */
export interface PlannedTest {
  readonly family: TestFamily;
  readonly cases: readonly TestCase[];
}

export function planOf(options: RunOptions): readonly PlannedTest[] {
  return catalogue
    .filter(({ name }) => options.tests.includes(name))
    .map((family) => ({ family, cases: family.cases(options) }));
}

/** How much of a run's time a case gets, compared with others. */
export function weightOf({ quantity, blockBytes, test }: TestCase): number {
  const isSmall = blockBytes === undefined || !test.startsWith('dma');
  return quantity === 'latency' && isSmall ? LATENCY_WEIGHT : 1;
}
