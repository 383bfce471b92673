import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cleanup } from './cleanup.js';
import { type RowResult, resultOf } from './measure/results.js';
import { runRounds } from './measure/rounds.js';
import { type Options, parseOptions, USAGE } from './options.js';
import { bindClients, SERVER_PROCESSOR } from './programs/apart.js';
import { CPrograms } from './programs/c-programs.js';
import { Launcher } from './programs/launcher.js';
import { describeMachine } from './report/machine.js';
import { machineText, rowText } from './report/text.js';
import { clientRegionRead } from './rows/client-region-read.js';
import { diagnostics } from './rows/diagnostics.js';
import { dmaCopy } from './rows/dma-copy.js';
import { tcpDma, tlsDma, wsDma } from './rows/network-dma.js';
import { tcpRegionRead, tlsRegionRead } from './rows/network-region-read.js';
import { nvmeRead } from './rows/nvme-read.js';
import type { RowFactory } from './rows/setting.js';
import { unixRegionRead } from './rows/unix-region-read.js';

const factories: Readonly<Record<string, RowFactory>> = {
  'unix-region-read': unixRegionRead,
  'client-region-read': clientRegionRead,
  diagnostics,
  'dma-copy': dmaCopy,
  'nvme-read': nvmeRead,
  'tcp-region-read': tcpRegionRead,
  'tcp-dma': tcpDma,
  'tls-region-read': tlsRegionRead,
  'tls-dma': tlsDma,
  'ws-dma': wsDma,
};

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  const machine = describeMachine();
  process.stdout.write(machineText(machine));
  if (options.apart) await bindClients();
  const folder = await mkdtemp(join(tmpdir(), 'vfio-user-bench-'));
  const results: RowResult[] = [];
  try {
    const launcher = new Launcher({
      nodeArgs: options.nodeArgs,
      processor: options.apart ? SERVER_PROCESSOR : undefined,
    });
    const programs = new CPrograms(folder, launcher);
    for (const factory of selectRows(options)) {
      const cleanup = new Cleanup();
      try {
        const row = await factory({ ...options, launcher, programs, folder, cleanup });
        const result = resultOf(row, await runRounds(row, options.rounds));
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
