import { benchRegisters as register } from '@vfio-user/devices';
import { Guest, LARGEST_TRANSFER, TestDeviceDriver } from '@vfio-user/drivers';
import { sizeText } from '../figures.js';
import { echoWork, type FloorWork } from '../floors/floor-work.js';
import { DmaArea } from './dma-area.js';
import { DmaLatency, DmaRate, type DmaWork } from './dma-runner.js';
import type { CaseSettings, Workload, WorkloadCase } from './workload.js';

/** Blocks of single transfers: few, so that they are all walked through in a short time. */
const LATENCY_BLOCKS = 16;
/** Of throughput: as many small ones, and not more of large ones than can be checked quickly. */
const RATE_BLOCKS = 64;
const SMALL_FOOTPRINT = 2 ** 18;
const LARGE_FOOTPRINT = 2 ** 22;
/** What a message about a transfer takes beside its data, roughly. */
const MESSAGE_BYTES = 32;

/** The device reads guest memory. */
export const dmaRead = dmaWorkload('dma-read', 'read', 'guest memory to device memory');
/** The device writes guest memory. */
export const dmaWrite = dmaWorkload('dma-write', 'write', 'device memory to guest memory');

function dmaWorkload(
  name: 'dma-read' | 'dma-write',
  direction: 'read' | 'write',
  what: string,
): Workload {
  return {
    name,
    what: `a block moved by the device: ${what}, in transfers of up to 1 MiB`,
    device: 'bench',
    cases: (settings) => dmaCases(name, settings),
    async open(server, settings) {
      const client = await server.connect();
      const driver = await TestDeviceDriver.withInterrupt(client);
      const memoryBytes = await driver.read32(register.MEMORY_SIZE);
      const largest = Math.max(...settings.sizes, LARGE_FOOTPRINT);
      const areaBytes = Math.min(largest, memoryBytes);
      const guest = await Guest.plugIn(client, 2 * areaBytes);
      const area = new DmaArea(guest, driver, areaBytes);
      const workOf = (workloadCase: WorkloadCase): DmaWork | undefined =>
        dmaWork(workloadCase, direction, areaBytes);
      return {
        runner(workloadCase) {
          const work = workOf(workloadCase);
          if (work === undefined) return undefined;
          return workloadCase.quantity === 'latency'
            ? new DmaLatency(area, work)
            : new DmaRate(area, work);
        },
        floor(workloadCase) {
          const work = workOf(workloadCase);
          return work && dmaFloor(work, workloadCase, guest.isShared);
        },
        close: () => guest.close(),
      };
    },
  };
}

/** `undefined` when the block does not fit in device memory. */
function dmaWork(
  { blockBytes = 0, depth, quantity }: WorkloadCase,
  direction: 'read' | 'write',
  areaBytes: number,
): DmaWork | undefined {
  if (blockBytes > areaBytes) return undefined;
  const few = quantity === 'latency' ? LATENCY_BLOCKS : RATE_BLOCKS;
  const small = Math.min(few * blockBytes, SMALL_FOOTPRINT);
  const deep = Math.min(depth * blockBytes, LARGE_FOOTPRINT);
  const wanted = quantity === 'latency' ? small : Math.max(small, deep);
  const blocks = Math.max(1, Math.floor(Math.min(wanted, areaBytes) / blockBytes));
  return { direction, blockBytes, depth, footprintBytes: blocks * blockBytes };
}

function dmaFloor(
  { direction, blockBytes, footprintBytes, depth }: DmaWork,
  { quantity }: WorkloadCase,
  isShared: boolean,
): FloorWork {
  if (isShared) return { kind: 'copy', blockBytes, footprintBytes, timed: quantity === 'latency' };
  const [requestBytes, replyBytes] =
    direction === 'read'
      ? [MESSAGE_BYTES, blockBytes + MESSAGE_BYTES]
      : [blockBytes + MESSAGE_BYTES, MESSAGE_BYTES];
  // Of large blocks, the depth counts transfers.
  const blocks = Math.ceil((depth * Math.min(blockBytes, LARGEST_TRANSFER)) / blockBytes);
  return echoWork({ requestBytes, replyBytes }, { depth: blocks });
}

/** Of each size: the time of single blocks, and how many a second at each depth. */
function dmaCases(
  workload: 'dma-read' | 'dma-write',
  { sizes, depths }: CaseSettings,
): readonly WorkloadCase[] {
  const latencies = sizes.map(
    (blockBytes): WorkloadCase => ({
      workload,
      id: `${workload}/latency/${blockBytes}`,
      title: `${sizeText(blockBytes)}, single`,
      quantity: 'latency',
      loop: 'closed',
      depth: 1,
      blockBytes,
    }),
  );
  const rates = sizes.flatMap((blockBytes) =>
    depths.map(
      (depth): WorkloadCase => ({
        workload,
        id: `${workload}/rate/${blockBytes}/${depth}`,
        title: `${sizeText(blockBytes)}, depth ${depth}`,
        quantity: 'rate',
        loop: 'closed',
        depth,
        blockBytes,
      }),
    ),
  );
  return [...latencies, ...rates];
}
