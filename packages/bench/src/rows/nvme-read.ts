import { join } from 'node:path';
import { NvmeDriver } from '@vfio-user/drivers';
import type { Entrant } from '../engine/measured.js';
import { connect } from './guest.js';
import { BLOCK_BYTES, fill, readRandomly } from './nvme-workload.js';
import type { Comparison, Row } from './row.js';
import { sampled } from './row.js';
import type { Setting } from './setting.js';

const NAMESPACE_BYTES = 2 ** 26;
const DEPTHS = [1, 32] as const;
const WARMUP = 5000;
const COUNT = 20_000;
/** Of the driver that waits for interrupts, which is much slower. */
const INTERRUPT_COUNT = 5000;

/** NVMe reads of 4 KiB by our own driver, against the same work without NVMe and in C. */
export async function nvmeRead(setting: Setting): Promise<Row> {
  const polled = await openDisk(setting, 'mapped');
  const driven = await openDisk(setting, 'trapped');
  const contenders: Entrant[] = [];
  const comparisons: Comparison[] = [];
  for (const depth of DEPTHS) {
    const floor = sampled(`depth ${depth}: polled queue in C`, async () => {
      const args = [NAMESPACE_BYTES, depth, WARMUP, COUNT];
      return { nanoseconds: await setting.programs.samples({ name: 'polled-read', args }), depth };
    });
    const subjects = [polled(depth), driven(depth)];
    contenders.push(floor, ...subjects);
    for (const subject of subjects) comparisons.push({ subject, floor, quantity: 'speed' });
  }
  return {
    name: 'nvme-read',
    what: 'random 4 KiB read of 64 MiB in memory, one queue pair, one process each for driver and controller.',
    contenders,
    comparisons,
  };
}

/** `mapped`: doorbells are stores, both sides poll. `trapped`: they are messages, and MSI-X answers. */
async function openDisk(
  setting: Setting,
  doorbells: 'mapped' | 'trapped',
): Promise<(depth: number) => Entrant> {
  const { cleanup, folder, launcher } = setting;
  const uri = `unix://${join(folder, `nvme-${doorbells}.sock`)}`;
  const settings = [`size=${NAMESPACE_BYTES}`, `doorbells=${doorbells}`];
  cleanup.add(await launcher.device('nvme', uri, settings));
  const isPolled = doorbells === 'mapped';
  const driver = cleanup.add(
    await NvmeDriver.open(await connect(uri), { doorbells: isPolled ? 'mapped' : 'posted' }),
  );
  const blocks = NAMESPACE_BYTES / BLOCK_BYTES;
  await fill(driver, blocks);
  const name = isPolled ? 'mapped doorbells, polled' : 'posted doorbells, MSI-X';
  return (depth) => {
    const amount = { depth, warmup: WARMUP, count: isPolled ? COUNT : INTERRUPT_COUNT };
    return sampled(`depth ${depth}: ${name}`, async () => ({
      nanoseconds: await readRandomly(driver, blocks, amount),
      depth,
    }));
  };
}
