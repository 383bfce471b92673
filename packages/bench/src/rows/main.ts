import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RoundSettings, runRounds } from '../engine/rounds.js';
import { CPrograms } from '../floors/c-programs.js';
import { currentLoad, describeMachine } from '../report/run-description.js';
import { dmaCopy } from './dma-copy.js';
import { hold } from './hold.js';
import { bindClients, Launcher } from './launcher.js';
import { tcpDma, tlsDma, wsDma } from './network-dma.js';
import { tcpRegionRead, tlsRegionRead } from './network-region-read.js';
import { nvmeRead, tcpNvmeRead } from './nvme-read.js';
import { type Options, parseOptions, USAGE } from './options.js';
import { resetGap } from './reset-gap.js';
import { Cleanup, type RowFactory } from './row.js';
import { machineText, type RowResult, resultOf, rowText } from './row-result.js';
import { scaleDevices } from './scale-devices.js';
import { scaleMappings } from './scale-mappings.js';
import { start } from './start.js';
import { clientRegionRead, diagnostics, unixRegionRead } from './unix-region-read.js';

const factories: Readonly<Record<string, RowFactory>> = {
  'unix-region-read': unixRegionRead,
  'client-region-read': clientRegionRead,
  diagnostics,
  'dma-copy': dmaCopy,
  'nvme-read': nvmeRead,
  'tcp-region-read': tcpRegionRead,
  'tcp-nvme-read': tcpNvmeRead,
  'tcp-dma': tcpDma,
  'tls-region-read': tlsRegionRead,
  'tls-dma': tlsDma,
  'ws-dma': wsDma,
  'reset-gap': resetGap,
  hold,
  start,
  'scale-mappings': scaleMappings,
  'scale-devices': scaleDevices,
};

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  const machine = { ...describeMachine(), node: process.version, load: currentLoad() };
  process.stdout.write(machineText(machine));
  if (options.apart) await bindClients();
  const folder = await mkdtemp(join(tmpdir(), 'vfio-user-bench-'));
  const results: RowResult[] = [];
  try {
    const launcher = new Launcher(options);
    const programs = new CPrograms(folder, launcher.prefix);
    for (const factory of selectRows(options)) {
      const cleanup = new Cleanup();
      try {
        const row = await factory({ ...options, launcher, programs, folder, cleanup });
        const { contenders } = row;
        const result = resultOf(row, await runRounds(contenders, roundSettings(options)));
        results.push(result);
        process.stdout.write(rowText(result));
      } finally {
        await cleanup.run();
      }
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  if (options.json !== undefined) {
    await writeFile(options.json, `${JSON.stringify({ machine, rows: results }, undefined, 2)}\n`);
  }
}

/** Each does as much as it always does: no time is given. */
function roundSettings({ rounds }: Options): RoundSettings {
  const { signal } = new AbortController();
  return { rounds, milliseconds: 0, warmUpMilliseconds: 0, signal, onMeasurement() {} };
}

function selectRows({ rows }: Options): readonly RowFactory[] {
  if (rows.length === 0) return Object.values(factories);
  return rows.map((name) => {
    const factory = factories[name];
    if (factory !== undefined) return factory;
    throw new Error(`no row ${name}; there are: ${Object.keys(factories).join(', ')}`);
  });
}

try {
  await main();
} catch (error) {
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(`bench: ${text}\n\n${USAGE}`);
  process.exitCode = 1;
}
