import { benchRegisters as register } from '@vfio-user/devices';
import { GUEST_BASE, type Guest, TestDeviceDriver } from '@vfio-user/drivers';
import type { Entrant } from '../engine/measured.js';
import { BLOCK_BYTES } from './in-process-copy.js';
import { sampled } from './row.js';

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
  contender(name: string, footprint: number, count: number): Entrant {
    return sampled(name, async () => {
      const nanoseconds: number[] = [];
      for (let at = 0; at < footprint; at += COMMAND_BYTES) await this.#copy(footprint, at);
      for (let block = 0; block < count; block += COMMAND_BLOCKS) {
        nanoseconds.push(await this.#copy(footprint, (block * BLOCK_BYTES) % footprint));
      }
      return { nanoseconds, depth: 1 };
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
