import type { DeviceClient } from '@vfio-user/core';
import { benchRegisters as register } from '@vfio-user/devices';
import { InterruptWait, Registers } from '@vfio-user/devices/drivers';

/** A command of the engine: what its registers are set to. */
export interface DmaCommand {
  /** One of the numbers for DMA_COMMAND. */
  readonly command: number;
  /** Guest addresses, or offsets in device memory. */
  readonly source: number;
  readonly destination: number;
  /** Bytes, as often as `repeat` says. */
  readonly length: number;
  readonly repeat: number;
}

/** The driver of the bench device's DMA engine: registers and an interrupt at the end. */
export class DmaEngine {
  readonly #registers: Registers;
  readonly #interrupt: InterruptWait;

  private constructor(registers: Registers, interrupt: InterruptWait) {
    this.#registers = registers;
    this.#interrupt = interrupt;
  }

  /** `chunk`: bytes of one transfer, `depth`: how many of them are under way at once. */
  static async open(client: DeviceClient, chunk: number, depth: number): Promise<DmaEngine> {
    const registers = new Registers(client);
    const interrupt = await InterruptWait.enable(client, 1);
    await registers.write(register.DMA_CHUNK, chunk);
    await registers.write(register.DMA_DEPTH, depth);
    await registers.write(register.DMA_VECTOR, 0);
    return new DmaEngine(registers, interrupt);
  }

  /** Run a command to its end. @returns how many nanoseconds it took, as the device counted them. */
  async run({ command, source, destination, length, repeat }: DmaCommand): Promise<number> {
    const registers = this.#registers;
    await registers.write64(register.DMA_SOURCE, source);
    await registers.write64(register.DMA_DESTINATION, destination);
    await registers.write64(register.DMA_LENGTH, length);
    await registers.write(register.DMA_REPEAT, repeat);
    await registers.write(register.DMA_COMMAND, command);
    await this.#interrupt.next();
    const error = await registers.read(register.DMA_ERROR);
    if (error !== 0) throw new Error(`the DMA engine failed: errno ${error}`);
    const low = await registers.read(register.DMA_NANOSECONDS);
    return low + (await registers.read(register.DMA_NANOSECONDS + 4)) * 2 ** 32;
  }
}
