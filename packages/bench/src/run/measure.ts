import { BenchError } from '../errors.js';
import { resultsOf } from '../report/case-results.js';
import { REPORT_VERSION, type Report } from '../report/report.js';
import { currentLoad, describeMachine, describeVersions } from '../report/run-description.js';
import { findTargets } from '../targets/find-targets.js';
import type { BenchHost } from '../targets/target.js';
import { planOf, type RunOptions } from './plan.js';
import { runBench } from './run-bench.js';

/** What a run needs of its caller. */
export interface MeasureContext {
  readonly host: BenchHost;
  /** Takes sockets and keys; its name is short enough for the former. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** The command line, for the report. */
  readonly command: readonly string[];
  /** `share` of the run is done. */
  onProgress(share: number, what: string): void;
}

/** Measure what is asked for. @throws {BenchError} when nothing could be measured, or data was wrong. */
export async function measure(options: RunOptions, context: MeasureContext): Promise<Report> {
  const { host, folder, signal, command, onProgress } = context;
  const startedAt = new Date();
  const before = currentLoad();
  const { targets, missing } = await findTargets(options, { folder, signal, host });
  const [first] = targets;
  const results: Report['results'] = [];
  const leftOut: Report['leftOut'] = missing.map(({ name, reason }) => ({ target: name, reason }));
  await runBench(options, {
    targets,
    host,
    folder,
    signal,
    events: {
      onProgress,
      onCase: (outcome) => void results.push(...resultsOf(outcome, first?.name ?? '')),
      onLeftOut: (left) => void leftOut.push(left),
    },
  });
  if (results.length === 0) {
    const reasons = leftOut.map(
      ({ target, test = '', reason }) => `  ${test} ${target}: ${reason}`,
    );
    throw new BenchError(['nothing could be measured:', ...reasons].join('\n'));
  }
  return {
    format: 'vfio-user-bench',
    version: REPORT_VERSION,
    startedAt: startedAt.toISOString(),
    seconds: (Date.now() - startedAt.getTime()) / 1000,
    command: [...command],
    machine: { ...describeMachine(), load: { before, after: currentLoad() } },
    versions: describeVersions(host.version),
    settings: { rounds: options.rounds, rate: options.rate, durationMs: options.duration },
    targets: targets.map(({ name, uri }) => ({ name, uri })),
    leftOut,
    tests: planOf(options).map(({ workload: { name, what } }) => ({ name, what })),
    results,
  };
}
