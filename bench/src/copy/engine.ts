import { benchRegisters as register } from '@vfio-user/devices';
import { GUEST_BASE, type Guest } from '../driver/guest.js';
import { InterruptWait } from '../driver/interrupt-wait.js';
import { Registers } from '../driver/registers.js';
import type { Contender } from '../measure/row.js';
import { BLOCK_BYTES } from './in-process.js';

/** Blocks of one command: enough that starting it does not count. */
const COMMAND_BLOCKS = 64;
const COMMAND_BYTES = COMMAND_BLOCKS * BLOCK_BYTES;

/** The bench device's DMA engine, in its own process, driven by registers and an interrupt. */
export class CopyEngine {
  readonly #registers: Registers;
  readonly #interrupt: InterruptWait;

  private constructor(registers: Registers, interrupt: InterruptWait) {
    this.#registers = registers;
    this.#interrupt = interrupt;
  }

  static async open({ client }: Guest): Promise<CopyEngine> {
    const registers = new Registers(client);
    const interrupt = await InterruptWait.enable(client, 1);
    await registers.write(register.DMA_CHUNK, BLOCK_BYTES);
    await registers.write(register.DMA_VECTOR, 0);
    return new CopyEngine(registers, interrupt);
  }

  /** Copies `count` blocks between two areas of `footprint` bytes, walking through them. */
  contender(name: string, footprint: number, count: number): Contender {
    return {
      name,
      measure: async () => {
        const nanoseconds: number[] = [];
        for (let at = 0; at < footprint; at += COMMAND_BYTES) await this.#copy(footprint, at);
        for (let block = 0; block < count; block += COMMAND_BLOCKS) {
          nanoseconds.push(await this.#copy(footprint, (block * BLOCK_BYTES) % footprint));
        }
        return { nanoseconds, depth: 1 };
      },
    };
  }

  /** One command from `at` on. @returns nanoseconds a block, as the device counted them. */
  async #copy(footprint: number, at: number): Promise<number> {
    const registers = this.#registers;
    const length = Math.min(footprint, COMMAND_BYTES);
    await registers.write64(register.DMA_SOURCE, GUEST_BASE + at);
    await registers.write64(register.DMA_DESTINATION, GUEST_BASE + footprint + at);
    await registers.write64(register.DMA_LENGTH, length);
    await registers.write(register.DMA_REPEAT, COMMAND_BYTES / length);
    await registers.write(register.DMA_COMMAND, register.DMA_COPY_GUEST);
    await this.#interrupt.next();
    const error = await registers.read(register.DMA_ERROR);
    if (error !== 0) throw new Error(`the DMA engine failed: errno ${error}`);
    return (await registers.read(register.DMA_NANOSECONDS)) / COMMAND_BLOCKS;
  }
}
