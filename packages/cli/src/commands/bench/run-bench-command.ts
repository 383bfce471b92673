import { setMaxListeners } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BenchError, measure, reportText } from '@vfio-user/bench';
import type { Io } from '../../io.js';
import { COMMAND, packageVersion } from '../../package.js';
import { loadTransports } from '../../registry.js';
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
    const report = await measure(asked, {
      host: { script: COMMAND, version: packageVersion(), loadTransports },
      folder,
      signal: abort.signal,
      command: ['vfio-user', ...process.argv.slice(2)],
      onProgress: (share, what) => progress.show(share, what),
    });
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
