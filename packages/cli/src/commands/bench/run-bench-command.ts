import { setMaxListeners } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BenchError } from '../../bench/errors.js';
import { currentLoad, describeMachine, describeVersions } from '../../bench/report/machine.js';
import { resultsOf } from '../../bench/report/results.js';
import { REPORT_VERSION, type Report } from '../../bench/report/schema.js';
import { reportText } from '../../bench/report/text.js';
import type { RunOptions } from '../../bench/run/options.js';
import { planOf } from '../../bench/run/plan.js';
import { runBench } from '../../bench/run/run-bench.js';
import { findTargets } from '../../bench/target/find-targets.js';
import type { Io } from '../../io.js';
import { watchTermination } from '../../termination.js';
import { type BenchCommandOptions, parseOptions } from './options.js';
import { OutputFiles } from './output-files.js';
import { Progress } from './progress.js';

/** Measure, print the tables, and write the files that were asked for. */
export async function runBenchCommand(options: BenchCommandOptions, io: Io): Promise<void> {
  const asked = parseOptions(options);
  const files = await OutputFiles.open(options);
  const termination = watchTermination();
  const abort = new AbortController();
  // Every connection and every process listens.
  setMaxListeners(0, abort.signal);
  void termination.requested.then((signal) => {
    abort.abort(new BenchError(`ended by ${signal}, nothing was written`));
  });
  const folder = await mkdtemp(join(tmpdir(), 'vfub-'));
  const progress = new Progress(io, process.stderr.isTTY);
  try {
    const report = await measure(asked, { folder, progress, signal: abort.signal });
    progress.clear();
    io.stdout(reportText(report));
    await files.write(report);
  } finally {
    progress.clear();
    await files.close();
    await rm(folder, { recursive: true, force: true });
    termination.dispose();
  }
}

interface Place {
  readonly folder: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

async function measure(options: RunOptions, { folder, progress, signal }: Place): Promise<Report> {
  const startedAt = new Date();
  const before = currentLoad();
  const { targets, missing } = await findTargets(options, { folder, signal });
  const [first] = targets;
  const results: Report['results'] = [];
  const leftOut: Report['leftOut'] = missing.map(({ name, reason }) => ({ target: name, reason }));
  await runBench(options, {
    targets,
    folder,
    signal,
    events: {
      onProgress: (share, what) => progress.show(share, what),
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
    command: ['vfio-user', ...process.argv.slice(2)],
    machine: { ...describeMachine(), load: { before, after: currentLoad() } },
    versions: describeVersions(),
    settings: { rounds: options.rounds, rate: options.rate, durationMs: options.duration },
    targets: targets.map(({ name, uri }) => ({ name, uri })),
    leftOut,
    tests: planOf(options).map(({ family: { name, what } }) => ({ name, what })),
    results,
  };
}
