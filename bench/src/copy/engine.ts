import { type DeviceClient, Region } from '@vfio-user/core';
import { benchRegisters as register } from '@vfio-user/devices';
import type { Contender } from '../measure/row.js';
import { GUEST_BASE } from './guest.js';
import { BLOCK_BYTES } from './in-process.js';

/** Commands of one measurement: each gives one time. */
const COMMANDS = 16;

/** The bench device's DMA engine in its own process: `count` blocks, a share in each command. */
export function engineContender(
  client: DeviceClient,
  name: string,
  footprint: number,
  count: number,
): Contender {
  const engine = new Engine(client, footprint, count / COMMANDS);
  return {
    name,
    async measure() {
      await engine.copy();
      const nanoseconds: number[] = [];
      for (let command = 0; command < COMMANDS; command++) nanoseconds.push(await engine.copy());
      return { nanoseconds, depth: 1 };
    },
  };
}

class Engine {
  readonly #client: DeviceClient;
  readonly #footprint: number;
  readonly #blocks: number;

  constructor(client: DeviceClient, footprint: number, blocks: number) {
    this.#client = client;
    this.#footprint = footprint;
    this.#blocks = blocks;
  }

  /** One command. @returns nanoseconds a block, as the device counted them. */
  async copy(): Promise<number> {
    const passes = (this.#blocks * BLOCK_BYTES) / this.#footprint;
    const length = Math.min(this.#footprint, this.#blocks * BLOCK_BYTES);
    await this.#write64(register.DMA_SOURCE, GUEST_BASE);
    await this.#write64(register.DMA_DESTINATION, GUEST_BASE + this.#footprint);
    await this.#write64(register.DMA_LENGTH, length);
    await this.#write64(register.DMA_CHUNK, BLOCK_BYTES);
    await this.#write(register.DMA_REPEAT, Math.max(1, passes));
    await this.#write(register.DMA_COMMAND, register.DMA_COPY_GUEST);
    while ((await this.#read(register.DMA_STATUS)) === register.STATUS_BUSY) await pause();
    if ((await this.#read(register.DMA_STATUS)) !== register.STATUS_DONE) {
      throw new Error(`the DMA engine failed: errno ${await this.#read(register.DMA_ERROR)}`);
    }
    return (await this.#read(register.DMA_NANOSECONDS)) / this.#blocks;
  }
}
