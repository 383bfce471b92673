import { join } from 'node:path';
import { NVME_IO_OPCODE } from '@vfio-user/devices';
import { NvmeDriver } from '@vfio-user/drivers';
import { type Contender, sampled } from '../engine/contender.js';
import { randomBlocks } from '../workloads/nvme-disk.js';
import { type Comparison, connect, type Row, type RowContext } from './row.js';

const NAMESPACE_BYTES = 2 ** 26;
const DEPTHS = [1, 32] as const;
const WARMUP = 5000;
const COUNT = 20_000;
/** Of the driver that waits for interrupts, which is much slower. */
const INTERRUPT_COUNT = 5000;

/** NVMe reads of 4 KiB by our own driver, against the same work without NVMe and in C. */
export async function nvmeRead(context: RowContext): Promise<Row> {
  const polled = await openDisk(context, 'mapped');
  const driven = await openDisk(context, 'trapped');
  const contenders: Contender[] = [];
  const comparisons: Comparison[] = [];
  for (const depth of DEPTHS) {
    const floor = sampled(`depth ${depth}: polled queue in C`, async () => {
      const args = [NAMESPACE_BYTES, depth, WARMUP, COUNT];
      return { nanoseconds: await context.programs.samples({ name: 'polled-read', args }), depth };
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
  context: RowContext,
  doorbells: 'mapped' | 'trapped',
): Promise<(depth: number) => Contender> {
  const { cleanup, folder, launcher } = context;
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

const NAMESPACE_ID = 1;
const SECTOR_BYTES = 512;
export const { BLOCK_BYTES } = NvmeDriver;
const BLOCK_SECTORS = BLOCK_BYTES / SECTOR_BYTES;

/** How many transfers, and how many of them at a time. */
export interface Amount {
  readonly depth: number;
  /** Transfers before those that are timed. */
  readonly warmup: number;
  readonly count: number;
}

/** Write all `blocks` once: memory that was never written need not be read. */
export async function fill(driver: NvmeDriver, blocks: number): Promise<void> {
  let block = 0;
  await transfer(
    driver,
    NVME_IO_OPCODE.WRITE,
    { depth: 32, warmup: 0, count: blocks },
    () => block++,
  );
}

/** Read 4 KiB at random. @returns nanoseconds from submission to completion. */
export function readRandomly(
  driver: NvmeDriver,
  blocks: number,
  amount: Amount,
): Promise<Float64Array> {
  return transfer(driver, NVME_IO_OPCODE.READ, amount, randomBlocks(blocks));
}

/** Keep `depth` commands under way until all have ended. */
async function transfer(
  driver: NvmeDriver,
  opcode: number,
  { depth, warmup, count }: Amount,
  nextBlock: () => number,
): Promise<Float64Array> {
  const { io, isPolled } = driver;
  const total = warmup + count;
  const nanoseconds = new Float64Array(count);
  const startedAt = new Float64Array(depth);
  let started = 0;
  const submit = (id: number): void => {
    started++;
    startedAt[id] = performance.now();
    io.place({
      opcode,
      id,
      namespaceId: NAMESPACE_ID,
      prp1: driver.bufferAddress(id),
      dword10: nextBlock() * BLOCK_SECTORS,
      dword12: BLOCK_SECTORS - 1,
    });
  };

  while (started < depth) submit(started);
  io.ring();
  for (let ended = 0; ended < total; ) {
    const before = started;
    let taken = 0;
    for (let id = io.take(); id >= 0; id = io.take()) {
      const time = performance.now() - (startedAt[id] as number); // an id of ours
      if (ended >= warmup) nanoseconds[ended - warmup] = time * 1e6;
      ended++;
      taken++;
      if (started < total) submit(id);
    }
    if (started > before) io.ring();
    if (taken > 0) io.acknowledge();
    else if (!isPolled) await driver.wait();
  }
  return nanoseconds;
}
