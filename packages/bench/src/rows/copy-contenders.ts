import {
  type Dma,
  definePciDevice,
  type PciDeviceDefinition,
  serve,
  TransportRegistry,
} from '@vfio-user/core';
import { benchRegisters as register } from '@vfio-user/devices';
import { GUEST_BASE, type Guest, TestDeviceDriver } from '@vfio-user/drivers';
import { unixTransport } from '@vfio-user/transport-unix';
import * as z from 'zod';
import { type Contender, sampled } from '../engine/contender.js';
import { plugIn } from './row.js';

export const BLOCK_BYTES = 2 ** 20;

/** How a device can copy a block of guest memory to another place in it. */
export type CopyBlock = (dma: Dma, source: number, target: number) => void;

/** By views of both places: one copy. */
export function copyByMap(dma: Dma, source: number, target: number): void {
  const from = dma.range(source, BLOCK_BYTES, 'read').view;
  const to = dma.range(target, BLOCK_BYTES, 'write').view;
  if (from === undefined || to === undefined) throw new Error('guest memory is not mapped');
  to.set(from);
}

/** By reading into a buffer of the device: one copy, into memory that is not the guest's. */
export function readIntoBuffer(buffer: Uint8Array): CopyBlock {
  return (dma, source) => {
    const reading = dma.range(source, BLOCK_BYTES, 'read').read(buffer);
    if (reading !== undefined) throw new Error('guest memory is not mapped');
  };
}

/** The DMA interface of a device in this process, its client beside it. */
export interface InProcessDma {
  /** Copies `count` blocks between two areas of `footprint` bytes, walking through them. */
  contender(name: string, footprint: number, count: number, copy: CopyBlock): Contender;
  close(): Promise<void>;
}

/** `footprint` is the largest that will be asked for. */
export async function openInProcess(socket: string, footprint: number): Promise<InProcessDma> {
  let dma: Dma | undefined;
  const definition = copyDevice((lent) => {
    dma = lent;
  });
  const registry = new TransportRegistry([unixTransport()]);
  const server = await serve({ definition, options: {}, registry, listen: `unix://${socket}` });
  const guest = await plugIn(`unix://${socket}`, 2 * footprint);
  const space = dma as Dma; // serve() created the device
  return {
    contender: (name, bytes, count, copy) =>
      sampled(name, () => measure(space, bytes, count, copy)),
    async close() {
      await guest.close();
      await server.close();
    },
  };
}

function measure(dma: Dma, footprint: number, count: number, copy: CopyBlock): Float64Array {
  const nanoseconds = new Float64Array(count);
  const source = GUEST_BASE;
  const target = GUEST_BASE + footprint;
  for (let at = 0; at < footprint; at += BLOCK_BYTES) copy(dma, source + at, target + at);
  for (let index = 0, at = 0; index < count; index++, at = (at + BLOCK_BYTES) % footprint) {
    const startedAt = performance.now();
    copy(dma, source + at, target + at);
    nanoseconds[index] = (performance.now() - startedAt) * 1e6;
  }
  return nanoseconds;
}

/** A device without registers that lends its DMA interface to whoever measures it in-process. */
function copyDevice(onCreate: (dma: Dma) => void): PciDeviceDefinition<object> {
  return definePciDevice({
    name: 'copy',
    summary: 'Lends its DMA interface',
    options: z.strictObject({}),
    create(host) {
      onCreate(host.dma);
      return {
        identity: { vendorId: 0x1234, deviceId: 0xbe4d, revisionId: 1, classCode: 0xff0000 },
        reset() {},
      };
    },
  });
}

/** Blocks of one command: enough that starting it does not count. */
const COMMAND_BLOCKS = 64;
const COMMAND_BYTES = COMMAND_BLOCKS * BLOCK_BYTES;

/** The bench device's DMA engine, in its own process, copying within guest memory. */
export class CopyEngine {
  readonly #driver: TestDeviceDriver;

  private constructor(driver: TestDeviceDriver) {
    this.#driver = driver;
  }

  static async open({ client }: Guest): Promise<CopyEngine> {
    return new CopyEngine(await TestDeviceDriver.withInterrupt(client));
  }

  /** Copies `count` blocks between two areas of `footprint` bytes, walking through them. */
  contender(name: string, footprint: number, count: number): Contender {
    return sampled(name, async () => {
      const nanoseconds: number[] = [];
      for (let at = 0; at < footprint; at += COMMAND_BYTES) await this.#copy(footprint, at);
      for (let block = 0; block < count; block += COMMAND_BLOCKS) {
        nanoseconds.push(await this.#copy(footprint, (block * BLOCK_BYTES) % footprint));
      }
      return nanoseconds;
    });
  }

  /** One command from `at` on. @returns nanoseconds a block. */
  async #copy(footprint: number, at: number): Promise<number> {
    const length = Math.min(footprint, COMMAND_BYTES);
    const milliseconds = await this.#driver.timedDma({
      command: register.DMA_COPY_GUEST,
      source: GUEST_BASE + at,
      destination: GUEST_BASE + footprint + at,
      length,
      repeat: COMMAND_BYTES / length,
      chunk: BLOCK_BYTES,
      depth: 1,
    });
    return (milliseconds * 1e6) / COMMAND_BLOCKS;
  }
}
