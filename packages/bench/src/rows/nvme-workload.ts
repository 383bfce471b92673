import { NVME_IO_OPCODE } from '@vfio-user/devices';
import { NvmeDriver } from '@vfio-user/drivers';
import { randomBlocks } from '../workloads/nvme-workload.js';

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
