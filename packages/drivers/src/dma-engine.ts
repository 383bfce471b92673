import { VfioUserError } from '@vfio-user/core';
import { benchRegisters as register } from '@vfio-user/devices';
import type { InterruptWait } from './interrupt-wait.js';
import type { Registers } from './registers.js';

/** Bytes of the largest transfer that the engine makes: larger blocks take several. */
export const LARGEST_TRANSFER = 2 ** 20;

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
  /** Bytes of one transfer. */
  readonly chunk: number;
  /** Transfers under way at once. */
  readonly depth: number;
}

/** The driver of the bench device's DMA engine: registers and an interrupt at the end. */
export class DmaEngine {
  readonly #registers: Registers;
  readonly #interrupt: InterruptWait;

  private constructor(registers: Registers, interrupt: InterruptWait) {
    this.#registers = registers;
    this.#interrupt = interrupt;
  }

  static async open(registers: Registers, interrupt: InterruptWait): Promise<DmaEngine> {
    await registers.write(register.DMA_VECTOR, 0);
    return new DmaEngine(registers, interrupt);
  }

  /** Run a command to its end. @returns how many milliseconds it took, as the device counted them. */
  async run(command: DmaCommand): Promise<number> {
    const registers = this.#registers;
    registers.post64(register.DMA_SOURCE, command.source);
    registers.post64(register.DMA_DESTINATION, command.destination);
    registers.post64(register.DMA_LENGTH, command.length);
    registers.post(register.DMA_REPEAT, command.repeat);
    registers.post(register.DMA_CHUNK, command.chunk);
    registers.post(register.DMA_DEPTH, command.depth);
    registers.post(register.DMA_COMMAND, command.command);
    await this.#interrupt.next();
    const error = await registers.read(register.DMA_ERROR);
    if (error !== 0) {
      throw new VfioUserError('VFU_DMA_FAULT', `the device's DMA failed: errno ${error}`);
    }
    const low = await registers.read(register.DMA_NANOSECONDS);
    const high = await registers.read(register.DMA_NANOSECONDS + 4);
    return (low + high * 2 ** 32) / 1e6;
  }
}
