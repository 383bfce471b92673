import { NvmeDriver } from '@vfio-user/drivers';
import type { CaseRunner } from '../engine/contender.js';
import { BenchError } from '../errors.js';
import { echoWork } from '../floors/floor-work.js';
import { BLOCK_BYTES, NvmeBlocks } from './nvme-blocks.js';
import { Disk, FILL_DEPTH, randomBlocks, transferFor } from './nvme-disk.js';
import type { Workload, WorkloadCase } from './workload.js';

const DEPTHS = [1, 32] as const;
/** Bytes of the disk that are used: more than the processor's caches hold. */
const LARGEST_AREA = 2 ** 25;
/** Blocks that are compared as a whole after each round. */
const CHECKED_BLOCKS = 64;
/** A submission queue entry and a completion. */
const COMMAND_BYTES = 64;
const COMPLETION_BYTES = 16;

/** Reads of 4 KiB by an NVMe driver. */
export const nvmeRead = nvmeWorkload('nvme-read', 'read');
/** Writes of 4 KiB by an NVMe driver. */
export const nvmeWrite = nvmeWorkload('nvme-write', 'write');

function nvmeWorkload(name: 'nvme-read' | 'nvme-write', direction: 'read' | 'write'): Workload {
  return {
    name,
    what: `a ${direction} of 4 KiB at random from an NVMe driver, from submission to completion; doorbells are posted writes, completions come by MSI-X`,
    device: 'nvme',
    overwrites: true,
    cases: () => DEPTHS.map((depth) => nvmeCase(name, depth)),
    async open(server) {
      const driver = await NvmeDriver.open(await server.connect());
      const count = Math.floor(Math.min(driver.namespace.bytes, LARGEST_AREA) / BLOCK_BYTES);
      if (count < 2 * FILL_DEPTH) throw new BenchError('the disk is too small for this test');
      const disk = new Disk(driver, new NvmeBlocks(count));
      let filled = 0;
      const nextToFill = (): number => (filled < count ? filled++ : -1);
      await disk.transfer({ direction: 'write', depth: FILL_DEPTH, next: nextToFill });
      return {
        runner: ({ depth }) => nvmeRunner(disk, direction, depth, count),
        floor: ({ depth }) =>
          echoWork(
            direction === 'read'
              ? { requestBytes: COMMAND_BYTES, replyBytes: BLOCK_BYTES + COMPLETION_BYTES }
              : { requestBytes: BLOCK_BYTES + COMMAND_BYTES, replyBytes: COMPLETION_BYTES },
            { depth },
          ),
        close: () => driver.close(),
      };
    },
  };
}

function nvmeCase(workload: 'nvme-read' | 'nvme-write', depth: number): WorkloadCase {
  return {
    workload,
    id: `${workload}/${depth}`,
    title: `depth ${depth}`,
    quantity: 'latency',
    loop: 'closed',
    depth,
    blockBytes: BLOCK_BYTES,
  };
}

function nvmeRunner(
  disk: Disk,
  direction: 'read' | 'write',
  depth: number,
  count: number,
): CaseRunner {
  const next = randomBlocks(count);
  return {
    measure: (milliseconds, latencies) =>
      transferFor(milliseconds, latencies, disk, { direction, depth, next }),
    /** Reads what the last round wrote as well. */
    async verify() {
      let checked = 0;
      const again = randomBlocks(count);
      await disk.transfer({
        direction: 'read',
        depth: 1,
        thorough: true,
        next: () => (checked++ < CHECKED_BLOCKS ? again() : -1),
      });
    },
  };
}
