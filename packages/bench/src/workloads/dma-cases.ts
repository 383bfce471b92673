import { sizeText } from './sizes.js';
import type { CaseSettings, TestCase } from './test-case.js';

/** Of each size: the time of single blocks, and how many a second at each depth. */
export function dmaCases(
  test: 'dma-read' | 'dma-write',
  { sizes, depths }: CaseSettings,
): readonly TestCase[] {
  const latencies = sizes.map(
    (blockBytes): TestCase => ({
      test,
      id: `${test}/latency/${blockBytes}`,
      title: `${sizeText(blockBytes)}, single`,
      quantity: 'latency',
      loop: 'closed',
      depth: 1,
      blockBytes,
    }),
  );
  const rates = sizes.flatMap((blockBytes) =>
    depths.map(
      (depth): TestCase => ({
        test,
        id: `${test}/rate/${blockBytes}/${depth}`,
        title: `${sizeText(blockBytes)}, depth ${depth}`,
        quantity: 'rate',
        loop: 'closed',
        depth,
        blockBytes,
      }),
    ),
  );
  return [...latencies, ...rates];
}
