import { benchRegisters as register } from '@vfio-user/devices';
import { Guest, LARGEST_TRANSFER, TestDeviceDriver } from '@vfio-user/drivers';
import { echoWork, type FloorWork } from '../floors/floor-work.js';
import { DmaArea } from './dma-area.js';
import { dmaCases } from './dma-cases.js';
import { DmaLatency, DmaRate, type DmaWork } from './dma-contender.js';
import type { TestCase } from './test-case.js';
import type { TestFamily } from './test-family.js';

/** Blocks of single transfers: few, so that they are all walked through in a short time. */
const LATENCY_BLOCKS = 16;
/** Of throughput: as many small ones, and not more of large ones than can be checked quickly. */
const RATE_BLOCKS = 64;
const SMALL_FOOTPRINT = 2 ** 18;
const LARGE_FOOTPRINT = 2 ** 22;
/** What a message about a transfer takes beside its data, roughly. */
const MESSAGE_BYTES = 32;

/** The device reads guest memory. */
export const dmaRead = dmaTest('dma-read', 'read', 'guest memory to device memory');
/** The device writes guest memory. */
export const dmaWrite = dmaTest('dma-write', 'write', 'device memory to guest memory');

function dmaTest(name: 'dma-read' | 'dma-write', direction: 'read' | 'write', what: string) {
  const test: TestFamily = {
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
      const workOf = (testCase: TestCase): DmaWork | undefined =>
        dmaWork(testCase, direction, areaBytes);
      return {
        contender(testCase) {
          const work = workOf(testCase);
          if (work === undefined) return undefined;
          return testCase.quantity === 'latency'
            ? new DmaLatency(area, work)
            : new DmaRate(area, work);
        },
        floor(testCase) {
          const work = workOf(testCase);
          return work && dmaFloor(work, testCase, guest.isShared);
        },
        close: () => guest.close(),
      };
    },
  };
  return test;
}

/** `undefined` when the block does not fit in device memory. */
function dmaWork(
  { blockBytes = 0, depth, quantity }: TestCase,
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
  { quantity }: TestCase,
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
