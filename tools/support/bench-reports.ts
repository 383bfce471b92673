import type { Contender, ContenderRounds } from '../../packages/bench/src/engine/contender.js';
import { resultsOf } from '../../packages/bench/src/report/case-results.js';
import type { Report } from '../../packages/bench/src/report/report.js';
import { createHistogram, recordMilliseconds } from '../../packages/bench/src/statistics.js';
import type { WorkloadCase } from '../../packages/bench/src/workloads/workload.js';

const ROUNDS = [1, 1.1, 0.9];
const SAMPLES = 2000;

const latencyCase: WorkloadCase = {
  workload: 'region-read',
  id: 'region-read/closed',
  title: 'closed loop',
  quantity: 'latency',
  loop: 'closed',
  depth: 1,
};

function rateCase(blockBytes: number): WorkloadCase {
  return {
    workload: 'dma-read',
    id: `dma-read/rate/${blockBytes}/4`,
    title: `${blockBytes} B, depth 4`,
    quantity: 'rate',
    loop: 'closed',
    depth: 4,
    blockBytes,
  };
}

interface Example {
  readonly slowdown?: number;
  readonly name?: string;
  /** By transport, a test that it has no part in. */
  readonly unmeasured?: Readonly<Record<string, string>>;
}

/** A floor of 20 us and two transports that take two and three times as long. */
export function exampleReport({
  slowdown = 1,
  name = 'lab',
  unmeasured = {},
}: Example = {}): Report {
  const cases = [latencyCase, ...[64, 4096, 65_536].map(rateCase)];
  return {
    format: 'vfio-user-bench',
    version: 1,
    startedAt: '2026-11-25T17:30:00.000Z',
    seconds: 12,
    command: ['vfio-user', 'bench'],
    machine: {
      name,
      processor: 'Example <1> & more',
      processors: 2,
      memoryBytes: 2 ** 33,
      kernel: 'Linux 6.18',
      load: { before: 0.1, after: 1.2 },
    },
    versions: { 'vfio-user': '0.0.0', node: '20.20.2' },
    settings: { rounds: ROUNDS.length, rate: 2000, durationMs: 12_000 },
    targets: ['unix', 'tcp'].map((target) => ({ name: target, uri: `${target}:example` })),
    leftOut: [{ target: 'rdma', reason: 'no adapter' }],
    tests: [
      { name: 'region-read', what: 'a read of a register' },
      { name: 'dma-read', what: 'a block moved by the device' },
    ],
    results: cases.flatMap((workloadCase) => {
      const measured = measuredIn(workloadCase, slowdown).filter(
        ({ contender }) => unmeasured[contender.name] !== workloadCase.workload,
      );
      return resultsOf({ workloadCase, milliseconds: 50, measured }, 'unix');
    }),
  };
}

function measuredIn({ quantity }: WorkloadCase, slowdown: number): readonly ContenderRounds[] {
  const floor = contender('echo unix', 'floor');
  const times: readonly (readonly [Contender, number])[] = [
    [floor, 0.02],
    [{ ...contender('unix', 'transport'), floor }, 0.04 * slowdown],
    [{ ...contender('tcp', 'transport'), floor }, 0.06 * slowdown],
  ];
  return times.map(([each, milliseconds]) => {
    const latencies = createHistogram();
    if (quantity === 'latency') {
      // The slowest take a hundred times as long as the fastest.
      for (let at = 0; at < SAMPLES; at++) {
        recordMilliseconds(latencies, milliseconds * 100 ** ((at / SAMPLES) ** 20));
      }
    }
    return {
      contender: each,
      latencies,
      rounds: ROUNDS.map((factor) => ({
        operations: SAMPLES,
        milliseconds: SAMPLES * milliseconds * factor,
        p50: quantity === 'latency' ? milliseconds * 1e6 * factor : undefined,
        clientTime: SAMPLES * 1e4,
        serverTime: SAMPLES * 2e4,
      })),
    };
  });
}

function contender(name: string, role: Contender['role']): Contender {
  const measure = () => Promise.reject(new Error('it was measured before'));
  return { name, role, measure, pid: undefined };
}
