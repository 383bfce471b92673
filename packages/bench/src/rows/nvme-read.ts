import { join } from 'node:path';
import { NvmeDriver } from '@vfio-user/drivers';
import { type Contender, sampled } from '../engine/contender.js';
import { BLOCK_BYTES } from '../workloads/nvme-blocks.js';
import { Disk, FILL_DEPTH, randomBlocks } from '../workloads/nvme-disk.js';
import { type Comparison, connect, type Row, type RowContext } from './row.js';

const NAMESPACE_BYTES = 2 ** 26;
const BLOCKS = NAMESPACE_BYTES / BLOCK_BYTES;
/** Reads under way at once. */
export const DEPTHS = [1, 32] as const;
const WARMUP = 5000;
const COUNT = 20_000;
/** Of the driver that waits for interrupts, which is much slower. */
const INTERRUPT_COUNT = 5000;
/** A submission queue entry. */
const COMMAND_BYTES = 64;

/** NVMe reads of 4 KiB by our own driver, against the same work without NVMe and in C. */
export async function nvmeRead(context: RowContext): Promise<Row> {
  const polled = await openDisk(context, await serveDisk(context, 'mapped'), 'mapped');
  const driven = await openDisk(context, await serveDisk(context, 'trapped'), 'trapped');
  const contenders: Contender[] = [];
  const comparisons: Comparison[] = [];
  for (const depth of DEPTHS) {
    const command = { name: 'polled-read', args: [NAMESPACE_BYTES, depth, WARMUP, COUNT] };
    const floor = sampled(
      `depth ${depth}: polled queue in C`,
      () => context.programs.samples(command),
      depth,
    );
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

/** The same over TCP on the loopback interface, also with a bridge, against as many bytes between two C programs. */
export async function tcpNvmeRead(context: RowContext): Promise<Row> {
  const { cleanup, folder, launcher, programs } = context;
  const args = ['127.0.0.1:0', COMMAND_BYTES, BLOCK_BYTES];
  const { address } = cleanup.add(await programs.server({ name: 'echo-server', args }));
  const bridged = `unix://${join(folder, 'nvme-bridge.sock')}`;
  cleanup.add(await launcher.bridge(bridged, await serveDisk(context, 'tcp')));
  const direct = await openDisk(context, await serveDisk(context, 'tcp'), 'trapped', 'direct');
  const behind = await openDisk(context, bridged, 'trapped', 'with a bridge');
  const contenders: Contender[] = [];
  const comparisons: Comparison[] = [];
  for (const depth of DEPTHS) {
    const sizes = [COMMAND_BYTES, BLOCK_BYTES, WARMUP, COUNT, depth];
    const command = { name: 'ping-pong', args: [address, ...sizes] };
    const floor = sampled(`depth ${depth}: in C`, () => programs.samples(command), depth);
    const subjects = [direct(depth), behind(depth)];
    contenders.push(floor, ...subjects);
    for (const subject of subjects) {
      comparisons.push(
        depth === 1
          ? { subject, floor, quantity: 'time', target: 1.5 }
          : { subject, floor, quantity: 'speed', target: 0.5 },
      );
    }
  }
  return {
    name: 'tcp-nvme-read',
    what: `random 4 KiB read of 64 MiB in memory over TCP, one queue pair; in C ${COMMAND_BYTES} bytes there and 4 KiB back.`,
    contenders,
    comparisons,
  };
}

/** Where doorbells are `mapped`, over a socket of the host, or `trapped`; `tcp` traps them as well. @returns the URI. */
export async function serveDisk(
  { cleanup, folder, launcher }: RowContext,
  way: 'mapped' | 'trapped' | 'tcp',
  options: readonly string[] = [],
): Promise<string> {
  const isNetwork = way === 'tcp';
  const uri = isNetwork ? 'tcp://127.0.0.1:0' : `unix://${join(folder, `nvme-${way}.sock`)}`;
  const settings = [`size=${NAMESPACE_BYTES}`, ...(isNetwork ? [] : [`doorbells=${way}`])];
  return cleanup.add(await launcher.device('nvme', uri, settings, options)).address;
}

/** `mapped`: doorbells are stores, both sides poll. `trapped`: they are messages, and MSI-X answers. */
export async function openDisk(
  { cleanup }: RowContext,
  uri: string,
  doorbells: 'mapped' | 'trapped',
  title?: string,
): Promise<(depth: number) => Contender> {
  const isPolled = doorbells === 'mapped';
  const driver = cleanup.add(
    await NvmeDriver.open(await connect(uri), { doorbells: isPolled ? 'mapped' : 'posted' }),
  );
  const disk = new Disk(driver);
  // Memory that was never written need not be read.
  let filled = 0;
  const nextToFill = (): number => (filled < BLOCKS ? filled++ : -1);
  await disk.transfer({ direction: 'write', depth: FILL_DEPTH, next: nextToFill });
  const name = title ?? (isPolled ? 'mapped doorbells, polled' : 'posted doorbells, MSI-X');
  const count = isPolled ? COUNT : INTERRUPT_COUNT;
  return (depth) =>
    sampled(`depth ${depth}: ${name}`, () => readRandomly(disk, depth, count), depth);
}

/** Read 4 KiB at random. @returns nanoseconds from submission to completion. */
async function readRandomly(disk: Disk, depth: number, count: number): Promise<Float64Array> {
  const nanoseconds = new Float64Array(count);
  const random = randomBlocks(BLOCKS);
  let begun = 0;
  let done = -WARMUP;
  await disk.transfer({
    direction: 'read',
    depth,
    next: () => (begun++ < WARMUP + count ? random() : -1),
    ended(milliseconds) {
      if (done >= 0) nanoseconds[done] = milliseconds * 1e6;
      done++;
    },
  });
  return nanoseconds;
}
