import { join } from 'node:path';
import type { DeviceClient, GuestMemory } from '@vfio-user/core';
import { benchRegisters } from '@vfio-user/devices';
import { TestDeviceDriver } from '@vfio-user/drivers';
import { type Contender, sampled } from '../engine/contender.js';
import { randomBlocks } from '../workloads/nvme-disk.js';
import { processText } from './process-size.js';
import { type Comparison, connect, type Row, type RowContext } from './row.js';

const PAGE = 4096;
const BASE = 0x1_0000_0000;
/** Mapped besides while the rest is measured. */
const COUNT = 500;
const MOST = 65_535;
/** Standing mappings, of 4 KiB each. */
const FEW = 16;
const MANY = MOST - COUNT;
/** Of the range that the device writes, in one mapping or in many. */
const RANGE_BYTES = 2 ** 25;
/** Over all of it, in a round. */
const PASSES = 5;
const FLAT = 1.1;

interface Kind {
  readonly name: string;
  readonly order: 'in order' | 'at random';
  readonly files: 'one' | 'many';
}

const KINDS: readonly Kind[] = [
  { name: 'one file, in order', order: 'in order', files: 'one' },
  { name: 'one file, at random', order: 'at random', files: 'one' },
  { name: 'a file each, in order', order: 'in order', files: 'many' },
];

/** DMA_MAP, DMA_UNMAP and DMA beside few mappings and beside 65,035. */
export async function scaleMappings(context: RowContext): Promise<Row> {
  const contenders: Contender[] = [];
  const comparisons: Comparison[] = [];
  const notes: string[] = [];
  for (const kind of KINDS) {
    const few = await standing(context, kind, FEW, notes);
    const many = await standing(context, kind, MANY, notes);
    for (const [at, subject] of many.entries()) {
      const floor = few[at] as Contender;
      contenders.push(floor, subject);
      comparisons.push({ subject, floor, quantity: 'time', target: FLAT });
    }
  }
  const [floor, subject] = [await rangeOf(context, 1), await rangeOf(context, RANGE_BYTES / PAGE)];
  contenders.push(floor, subject);
  comparisons.push({ subject, floor, quantity: 'time', target: FLAT });
  return {
    name: 'scale-mappings',
    what: `DMA_MAP and DMA_UNMAP of 4 KiB over a UNIX socket beside so many others; DMA of 4 KiB within a range of ${RANGE_BYTES / 2 ** 20} MiB.`,
    contenders,
    comparisons,
    notes,
  };
}

/** Map so many ranges, and measure {@link COUNT} more: they come in one round and go in it. */
async function standing(
  context: RowContext,
  { name, order, files }: Kind,
  count: number,
  notes: string[],
): Promise<readonly [map: Contender, unmap: Contender]> {
  const { cleanup, folder, launcher } = context;
  const socket = join(folder, `maps-${notes.length}.sock`);
  const server = cleanup.add(await launcher.device('bench', `unix://${socket}`));
  const client = cleanup.add(await connect(server.address));
  const total = count + COUNT;
  const shared = files === 'one' ? client.allocateMemory(total * PAGE) : undefined;
  const pages = Array.from({ length: total }, (_, page) => page);
  // Those to come lie among those that stand.
  const moving = shuffled(pages).slice(0, COUNT);
  const isMoving = new Set(moving);
  const kept = pages.filter((page) => !isMoving.has(page));
  const map = (page: number): Promise<void> => mapPage(client, page, shared);
  for (const page of order === 'in order' ? kept : shuffled(kept)) await map(page);
  notes.push(`${name}, ${count} mappings: ${processText(server.pid)}`);
  if (order === 'in order') moving.sort((a, b) => a - b);
  return [
    sampled(`${name}: map, ${count}`, () => times(moving, map)),
    sampled(`${name}: unmap, ${count}`, () =>
      times(moving, (page) => client.dmaUnmap(BASE + page * PAGE, PAGE)),
    ),
  ];
}

async function mapPage(
  client: DeviceClient,
  page: number,
  shared: GuestMemory | undefined,
): Promise<void> {
  const address = BASE + page * PAGE;
  if (shared !== undefined) {
    await client.dmaMap({ address, memory: shared, offset: page * PAGE, length: PAGE });
    return;
  }
  const memory = client.allocateMemory(PAGE);
  await client.dmaMap({ address, memory });
  // The server has its own descriptor.
  memory.close();
}

/** The engine writes 4 KiB at a time to a range that consists of so many mappings. */
async function rangeOf(
  { cleanup, folder, launcher }: RowContext,
  mappings: number,
): Promise<Contender> {
  const socket = join(folder, `range-${mappings}.sock`);
  const server = cleanup.add(await launcher.device('bench', `unix://${socket}`));
  const client = cleanup.add(await connect(server.address));
  const memory = client.allocateMemory(RANGE_BYTES);
  const length = RANGE_BYTES / mappings;
  for (let offset = 0; offset < RANGE_BYTES; offset += length) {
    await client.dmaMap({ address: BASE + offset, memory, offset, length });
  }
  const driver = await TestDeviceDriver.withInterrupt(client);
  const operation = {
    command: benchRegisters.DMA_FILL_GUEST,
    destination: BASE,
    length: RANGE_BYTES,
    chunk: PAGE,
    depth: 1,
  };
  return sampled(`DMA of 4 KiB, range of ${mappings} mappings`, async () => {
    const nanoseconds: number[] = [];
    while (nanoseconds.length < PASSES) {
      const milliseconds = await driver.timedDma(operation);
      nanoseconds.push((milliseconds * 1e6 * PAGE) / RANGE_BYTES);
    }
    return nanoseconds;
  });
}

/** How long it takes for each page, ns. */
async function times(
  pages: readonly number[],
  operation: (page: number) => Promise<void>,
): Promise<ArrayLike<number>> {
  const nanoseconds = new Float64Array(pages.length);
  for (const [at, page] of pages.entries()) {
    const startedAt = performance.now();
    await operation(page);
    nanoseconds[at] = (performance.now() - startedAt) * 1e6;
  }
  return nanoseconds;
}

function shuffled(pages: readonly number[]): number[] {
  const result = [...pages];
  const random = randomBlocks(2 ** 31);
  for (let last = result.length - 1; last > 0; last--) {
    const other = random() % (last + 1);
    [result[last], result[other]] = [result[other] as number, result[last] as number];
  }
  return result;
}
