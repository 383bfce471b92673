import { randomFillSync } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { benchRegisters as register } from '@vfio-user/devices';
import { BLOCK_BYTES } from '../copy/in-process.js';
import { DmaEngine } from '../driver/dma-engine.js';
import { GUEST_BASE, type Guest, plugIn } from '../driver/guest.js';
import type { Contender } from '../measure/row.js';
import type { Setting } from '../rows/setting.js';

/** Transfers under way at once. */
const DEPTH = 4;
/** Each has its own place, in the guest and in the device. */
const FOOTPRINT = DEPTH * BLOCK_BYTES;
/** Blocks of a measurement: some tenths of a second. */
const BLOCKS = 512;

/** Reads and writes of guest memory that the device makes by messages. */
export interface MessageDma {
  readonly reads: Contender;
  readonly writes: Contender;
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
  const engine = await DmaEngine.open(guest.client, BLOCK_BYTES, DEPTH);
  const contender = (what: string, reads: number, writes: number): Contender => ({
    name: `${name}: ${what}`,
    async measure() {
      const times = await thereAndBack(engine, guest, reads, writes);
      const nanoseconds = reads > writes ? times.reading : times.writing;
      return { nanoseconds: [nanoseconds / BLOCKS], depth: 1 };
    },
  });
  const passes = BLOCKS / DEPTH;
  return { reads: contender('DMA reads', passes, 1), writes: contender('DMA writes', 1, passes) };
}

/** @returns nanoseconds of `reads` passes to the device, and of `writes` passes back from it. */
async function thereAndBack(
  engine: DmaEngine,
  { memory }: Guest,
  reads: number,
  writes: number,
): Promise<{ readonly reading: number; readonly writing: number }> {
  const source = memory.view(0, FOOTPRINT);
  const target = memory.view(FOOTPRINT, FOOTPRINT);
  if (source === undefined || target === undefined) throw new Error('guest memory has no view');
  randomFillSync(source);
  target.fill(0);
  const reading = await engine.run({
    command: register.DMA_LOAD,
    source: GUEST_BASE,
    destination: 0,
    length: FOOTPRINT,
    repeat: reads,
  });
  const writing = await engine.run({
    command: register.DMA_STORE,
    source: 0,
    destination: GUEST_BASE + FOOTPRINT,
    length: FOOTPRINT,
    repeat: writes,
  });
  if (crc32(source) !== crc32(target)) throw new Error('what came back differs from what was sent');
  return { reading, writing };
}
