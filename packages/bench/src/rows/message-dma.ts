import { randomFillSync } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { benchRegisters as register } from '@vfio-user/devices';
import { GUEST_BASE, type Guest, TestDeviceDriver } from '@vfio-user/drivers';
import type { Entrant } from '../engine/measured.js';
import { plugIn } from './guest.js';
import { BLOCK_BYTES } from './in-process-copy.js';
import { sampled } from './row.js';
import type { Setting } from './setting.js';

/** Transfers under way at once. */
const DEPTH = 4;
/** Each has its own place, in the guest and in the device. */
const FOOTPRINT = DEPTH * BLOCK_BYTES;
const PACE = { chunk: BLOCK_BYTES, depth: DEPTH } as const;
/** Blocks of a measurement: some tenths of a second. */
const BLOCKS = 512;

/** Reads and writes of guest memory that the device makes by messages. */
export interface MessageDma {
  readonly reads: Entrant;
  readonly writes: Entrant;
}

/**
 * Start `serve bench` on a URI, whose DMA engine moves blocks of 1 MiB between device memory and
 * guest memory. In every round, other data goes to the device and back, and is compared.
 */
export async function messageDma(
  { cleanup, launcher }: Setting,
  name: string,
  uri: string,
): Promise<MessageDma> {
  const settings = [`memory=${FOOTPRINT}`];
  const server = cleanup.add(await launcher.device('bench', uri, settings));
  const guest = cleanup.add(await plugIn(server.address, 2 * FOOTPRINT));
  const driver = await TestDeviceDriver.withInterrupt(guest.client);
  const contender = (what: string, reads: number, writes: number): Entrant =>
    sampled(`${name}: ${what}`, async () => {
      const times = await thereAndBack(driver, guest, reads, writes);
      const milliseconds = reads > writes ? times.reading : times.writing;
      return { nanoseconds: [(milliseconds * 1e6) / BLOCKS], depth: 1 };
    });
  const passes = BLOCKS / DEPTH;
  return { reads: contender('DMA reads', passes, 1), writes: contender('DMA writes', 1, passes) };
}

/** @returns milliseconds of `reads` passes to the device, and of `writes` passes back from it. */
async function thereAndBack(
  driver: TestDeviceDriver,
  guest: Guest,
  reads: number,
  writes: number,
): Promise<{ readonly reading: number; readonly writing: number }> {
  const source = guest.view(0, FOOTPRINT);
  const target = guest.view(FOOTPRINT, FOOTPRINT);
  randomFillSync(source);
  target.fill(0);
  const reading = await driver.timedDma({
    command: register.DMA_LOAD,
    source: GUEST_BASE,
    destination: 0,
    length: FOOTPRINT,
    repeat: reads,
    ...PACE,
  });
  const writing = await driver.timedDma({
    command: register.DMA_STORE,
    source: 0,
    destination: GUEST_BASE + FOOTPRINT,
    length: FOOTPRINT,
    repeat: writes,
    ...PACE,
  });
  if (crc32(source) !== crc32(target)) throw new Error('what came back differs from what was sent');
  return { reading, writing };
}
